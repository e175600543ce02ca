using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Bytes in chunks, with the idle limits that grpc-dotnet leaves to us.</summary>
internal static class ByteStreams
{
    /// <summary>The first message, which must be the header.</summary>
    public static async Task<Wire.OutputHeader> ReadHeader(IAsyncStreamReader<Wire.OutputChunk> input, TimeProvider time)
    {
        var header = await Next(input, time) ? input.Current.Header : null;
        new FieldProblems()
            .Require(header is not null, "header", "The first message is the header.")
            .Require(header is null || TaskIds.IsValid(header.TaskId), "header.task_id", "32 lower-case hex digits.")
            .Require(header is null || header.Attempt >= 1, "header.attempt", "1 or more.")
            .Require(header is null || header.Stream is "stdout" or "stderr", "header.stream", "\"stdout\" or \"stderr\".")
            .Require(header is null || header.Size is >= 0 and <= Limits.PayloadBytes, "header.size", "0 to 100 MiB.")
            .Found.ThrowIfAny();
        return header!;
    }

    /// <summary>The chunks behind the header, exactly as many bytes as it says.</summary>
    public static async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadChunks(
        IAsyncStreamReader<Wire.OutputChunk> input, long size, TimeProvider time, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        var got = 0L;
        while (await Next(input, time))
        {
            cancel.ThrowIfCancellationRequested();
            var chunk = input.Current;
            got += chunk.Data.Length;
            new FieldProblems()
                .Require(chunk.ChunkCase == Wire.OutputChunk.ChunkOneofCase.Data, "data", "One header, then data.")
                .Require(chunk.Data.Length <= Limits.ChunkBytes, "data", "Up to 64 KiB a chunk.")
                .Require(got <= size, "data", "More bytes than the header says.")
                .Found.ThrowIfAny();
            yield return chunk.Data.Memory;
        }
        if (got != size) throw HiveMindException.Invalid("data", "Fewer bytes than the header says.");
    }

    public static async Task Send(IFiles files, BlobRef blob, IServerStreamWriter<Wire.DataChunk> output, TimeProvider time, CancellationToken cancel)
    {
        await using var bytes = blob.Inline is { } inline ? new MemoryStream(inline) : files.OpenRead(blob);
        while (true)
        {
            // A buffer of its own for each message: the writer may hold on to it.
            var buffer = new byte[Math.Min(Limits.ChunkBytes, Math.Max(1, bytes.Length - bytes.Position))];
            var read = await bytes.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel);
            if (read == 0) return;
            var message = new Wire.DataChunk { Data = UnsafeByteOperations.UnsafeWrap(buffer.AsMemory(0, read)) };
            await InTime(output.WriteAsync(message, cancel), time);
        }
    }

    private static Task<bool> Next(IAsyncStreamReader<Wire.OutputChunk> input, TimeProvider time) => InTime(input.MoveNext(CancellationToken.None), time);

    private static async Task<T> InTime<T>(Task<T> step, TimeProvider time)
    {
        await InTime((Task)step, time);
        return await step;
    }

    /// <summary>A silent peer ends the call; the step left behind ends with it.</summary>
    private static async Task InTime(Task step, TimeProvider time)
    {
        try
        {
            await step.WaitAsync(Limits.StreamIdle, time);
        }
        catch (TimeoutException) when (!step.IsCompleted)
        {
            _ = step.ContinueWith(t => t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
            throw ErrorMapping.Build(StatusCode.DeadlineExceeded, "STREAM_IDLE", "The stream was silent for 30 s.");
        }
    }
}
