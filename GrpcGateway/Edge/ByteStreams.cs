using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Edge;

/// <summary>Bytes in chunks, whatever message carries them.</summary>
internal static class ByteStreams
{
    /// <summary>The first message's header, or null when it has none.</summary>
    public static async Task<THeader?> Header<T, THeader>(IAsyncStreamReader<T> input, Func<T, THeader?> header, TimeProvider time) where THeader : class =>
        await StreamPatience.InTime(input.MoveNext(CancellationToken.None), time) ? header(input.Current) : null;

    /// <summary>The chunks behind the header, exactly as many bytes as it says.</summary>
    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> Chunks<T>(
        IAsyncStreamReader<T> input, Func<T, ByteString?> data, long expected, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var got = 0L;
        while (await StreamPatience.InTime(input.MoveNext(CancellationToken.None), time))
        {
            cancel.ThrowIfCancellationRequested();
            var chunk = data(input.Current);
            got += chunk?.Length ?? 0;
            new FieldProblems()
                .Require(chunk is not null, "data", "One header, then data.")
                .Require(chunk is null || chunk.Length <= Limits.ChunkBytes, "data", "Up to 64 KiB a chunk.")
                .Require(got <= expected, "data", "More bytes than the header says.")
                .Found.ThrowIfAny();
            yield return chunk!.Memory;
        }
        if (got != expected) throw HiveMindException.Invalid("data", "Fewer bytes than the header says.");
    }

    public static async Task Send<T>(
        IFiles files, BlobRef blob, long offset, Func<ByteString, T> message, IServerStreamWriter<T> output, TimeProvider time, CancellationToken cancel)
    {
        await using var bytes = files.OpenRead(blob);
        await Send(bytes, offset, message, output, time, cancel);
    }

    public static async Task Send<T>(
        Stream bytes, long offset, Func<ByteString, T> message, IServerStreamWriter<T> output, TimeProvider time, CancellationToken cancel)
    {
        bytes.Seek(offset, SeekOrigin.Begin);
        while (await ReadChunk(bytes, cancel) is { } chunk) await StreamPatience.InTime(output.WriteAsync(message(chunk), cancel), time);
    }

    /// <summary>What comes next, at most a chunk; null at the end. A buffer of its own for each: the writer may hold on to it.</summary>
    public static async Task<ByteString?> ReadChunk(Stream bytes, CancellationToken cancel)
    {
        var left = bytes.Length - bytes.Position;
        if (left <= 0) return null;
        var buffer = new byte[Math.Min(Limits.ChunkBytes, left)];
        var read = await bytes.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel);
        return read == 0 ? null : UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read));
    }
}
