using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;
using HiveMind.Workers.Attempts;

namespace HiveMind.Workers.Connection;

/// <summary>Payloads in and output out, beside the control stream so that a heartbeat never waits behind them.</summary>
public sealed class Transfers(HubChannel hub, Random chance, TimeProvider time)
{
    private const int InlineBytes = 4 * 1024, ChunkBytes = 64 * 1024;

    /// <summary>Writes the payload to a file; throws IOException when what came is not what was promised.</summary>
    public Task FetchPayload(AttemptKey key, string sha256, string path, CancellationToken cancel) => Retried(async () =>
    {
        using var call = hub.Client.FetchPayload(
            new FetchPayloadRequest { TaskId = key.TaskId, Attempt = key.Attempt }, hub.Options(cancel));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using (var file = new FileStream(path, FileMode.Create, FileAccess.Write))
            await foreach (var chunk in call.ResponseStream.ReadAllAsync(cancel))
            {
                hash.AppendData(chunk.Data.Span);
                await file.WriteAsync(chunk.Data.Memory, cancel);
            }
        if (!Same(sha256, hash.GetHashAndReset()))
            throw new IOException("The payload that came is not the one that was promised.");
        return true;
    }, cancel);

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
        using var call = hub.Client.SendOutput(hub.Options(cancel));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            await call.RequestStream.WriteAsync(new OutputChunk
            {
                Header = new OutputHeader { TaskId = key.TaskId, Attempt = key.Attempt, Stream = stream, Size = size },
            }, cancel);
            await using var file = File.OpenRead(path);
            var buffer = new byte[ChunkBytes];
            int read;
            while ((read = await file.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, cancel)) > 0)
            {
                hash.AppendData(buffer.AsSpan(0, read));
                // Copied: the buffer is used again while the transport may still hold this chunk.
                await call.RequestStream.WriteAsync(new OutputChunk { Data = ByteString.CopyFrom(buffer, 0, read) }, cancel);
            }
            await call.RequestStream.CompleteAsync();
        }
        catch (InvalidOperationException)
        {
            // The hub ended the call early; its answer says why.
        }
        catch (RpcException)
        {
        }
        var answer = await call.ResponseAsync;
        if (!Same(answer.Sha256, hash.GetHashAndReset()) || answer.Size != size)
            throw new RpcException(new Status(StatusCode.Unavailable, "The hub has other bytes than were sent."));
        return new OutputRef { Size = size, Sha256 = answer.Sha256, Receipt = answer.Receipt };
    }

    private async Task<T> Retried<T>(Func<Task<T>> call, CancellationToken cancel)
    {
        var backoff = Backoff.Default(chance);
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException e) when (HubFailures.IsTransient(e.StatusCode))
            {
                cancel.ThrowIfCancellationRequested();
                await Task.Delay(backoff.Next(), time, cancel);
            }
        }
    }

    private static bool Same(string hex, byte[] hash) => string.Equals(hex, Convert.ToHexString(hash), StringComparison.OrdinalIgnoreCase);
}
