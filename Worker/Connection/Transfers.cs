using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>Payloads in and output out, beside the control stream so that a heartbeat never waits behind them.</summary>
public sealed class Transfers(HubLine hub, Random chance, TimeProvider time)
{
    private const int InlineBytes = 4 * 1024, ChunkBytes = 64 * 1024;

    /// <summary>
    /// Writes the payload to a file, from where it stopped when the connection was cut; throws IOException when what came is not what was
    /// promised.
    /// </summary>
    public Task FetchPayload(AttemptKey key, string sha256, string path, CancellationToken cancel) => Fetch(key, sha256, path, false, cancel);

    public Task FetchStandardInput(AttemptKey key, string sha256, string path, CancellationToken cancel) => Fetch(key, sha256, path, true, cancel);

    private async Task Fetch(AttemptKey key, string sha256, string path, bool isInput, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write);
        await Retried(async () =>
        {
            using var call = hub.Client.FetchPayload(
                new FetchPayloadRequest { TaskId = key.TaskId, Attempt = key.Attempt, Offset = file.Position, StandardInput = isInput }, hub.Options(cancel));
            await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancel))
            {
                hash.AppendData(chunk.Data.Span);
                await file.WriteAsync(chunk.Data.Memory, cancel);
            }
            return true;
        }, cancel);
        if (!Same(sha256, hash.GetHashAndReset()))
            throw new IOException("The payload that came is not the one that was promised.");
    }

    /// <summary>Tells what a running program has printed from there on; where the hub is afterwards, or null while it is away.</summary>
    public async Task<long?> AppendOutput(
        AttemptKey key, string stream, long offset, ReadOnlyMemory<byte> data, bool anew, CancellationToken cancel)
    {
        try
        {
            var answer = await hub.Client.AppendOutputAsync(new AppendOutputRequest
            {
                TaskId = key.TaskId, Attempt = key.Attempt, Stream = stream, Offset = offset, Data = ByteString.CopyFrom(data.Span), Anew = anew,
            }, hub.Options(cancel));
            return answer.Position;
        }
        catch (Exception e) when (e is RpcException { StatusCode: var code } && HubFailures.IsTransient(code) || e is ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Small output goes with the report, larger output first, for a receipt.</summary>
    public async Task<OutputRef> SendOutput(AttemptKey key, string stream, string path, CancellationToken cancel)
    {
        var size = File.Exists(path) ? new FileInfo(path).Length : 0;
        if (size > InlineBytes)
            return await Retried(() => Upload(key, stream, path, size, cancel), cancel);
        var inline = size == 0 ? ByteString.Empty : ByteString.CopyFrom(await File.ReadAllBytesAsync(path, cancel));
        return new OutputRef { Inline = inline, Size = size };
    }

    private async Task<OutputRef> Upload(AttemptKey key, string stream, string path, long size, CancellationToken cancel)
    {
        var position = await PositionOf(key, stream, anew: false, cancel);
        if (position > size)
            position = await PositionOf(key, stream, anew: true, cancel); // of an earlier run of the same attempt
        using var call = hub.Client.SendOutput(hub.Options(cancel));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            await call.RequestStream.WriteAsync(new OutputChunk
            {
                Header = new OutputHeader { TaskId = key.TaskId, Attempt = key.Attempt, Stream = stream, Size = size, Offset = position },
            }, cancel);
            await using var file = File.OpenRead(path);
            var buffer = new byte[ChunkBytes];
            var at = 0L;
            int read;
            while ((read = await file.ReadAtLeastAsync(buffer.AsMemory(0, Upto(at, position)), Upto(at, position), throwOnEndOfStream: false, cancel)) > 0)
            {
                hash.AppendData(buffer.AsSpan(0, read));
                at += read;
                if (at <= position)
                    continue; // the hub has it since it was printed
                // Copied: the buffer is used again while the transport may still hold this chunk.
                await call.RequestStream.WriteAsync(new OutputChunk { Data = ByteString.CopyFrom(buffer, 0, read) }, cancel);
            }
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is InvalidOperationException or RpcException or HttpIOException or HttpRequestException
            || (e is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            // The hub ended the call early, or the connection is cut; the answer says which.
        }
        var answer = await call.ResponseAsync;
        if (!Same(answer.Sha256, hash.GetHashAndReset()) || answer.Size != size)
            throw new RpcException(new Status(StatusCode.Unavailable, "The hub has other bytes than were sent."));
        return new OutputRef { Size = size, Sha256 = answer.Sha256, Receipt = answer.Receipt };
    }

    private async Task<long> PositionOf(AttemptKey key, string stream, bool anew, CancellationToken cancel) => (await hub.Client.AppendOutputAsync(
        new AppendOutputRequest { TaskId = key.TaskId, Attempt = key.Attempt, Stream = stream, Anew = anew }, hub.Options(cancel))).Position;

    /// <summary>Chunks meet at the position from which bytes are sent.</summary>
    private static int Upto(long at, long position) => at < position ? (int)Math.Min(ChunkBytes, position - at) : ChunkBytes;

    private async Task<T> Retried<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        var backoff = Backoff.Default(chance);
        while (true)
        {
            try
            {
                return await call();
            }
            // Disposed, or cancelled by nobody here: the line moved to another channel meanwhile.
            catch (Exception e) when (e is ObjectDisposedException || (e is OperationCanceledException && !cancel.IsCancellationRequested)
                || (e is RpcException failed && (HubFailures.IsTransient(failed.StatusCode) || HubFailures.IsWrongOffset(failed))))
            {
                cancel.ThrowIfCancellationRequested();
                await Task.Delay(backoff.Next(), time, cancel);
            }
        }
    }

    private static bool Same(string hex, byte[] hash) => string.Equals(hex, Convert.ToHexString(hash), StringComparison.OrdinalIgnoreCase);
}
