using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>A file that is too large for one message: sent in chunks, on from where a cut connection left it.</summary>
internal sealed class FileUpload(HubClient hub, Terminal terminal, TimeProvider time)
{
    /// <summary>What is larger goes in chunks.</summary>
    public const int InOneMessage = 1 << 20;

    private const int ChunkBytes = 64 * 1024;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200), OutagePatience = TimeSpan.FromMinutes(2), SayEvery = TimeSpan.FromSeconds(1);

    public async Task<UploadPayloadResponse> Send(string path, CancellationToken stop)
    {
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, ChunkBytes, FileOptions.SequentialScan);
        return await Send(file, stop);
    }

    /// <summary>Refused by the hub when it is larger than the hub takes.</summary>
    public async Task CheckSize(long size, CancellationToken stop) =>
        await hub.Tasks.GetUploadPositionAsync(new GetUploadPositionRequest { Size = size, Sha256 = new string('0', 64) }, cancellationToken: stop);

    public async Task<UploadPayloadResponse> Send(FileStream file, CancellationToken stop)
    {
        file.Position = 0;
        var upload = new GetUploadPositionRequest
        {
            Size = file.Length, Sha256 = Convert.ToHexStringLower(await SHA256.HashDataAsync(file, stop)),
        };
        var progress = new Progress();
        for (var pause = FirstPause; ; pause *= 1.5)
        {
            try
            {
                var position = (await hub.Tasks.GetUploadPositionAsync(upload, cancellationToken: stop)).Position;
                return await SendFrom(file, upload, position, progress, stop);
            }
            catch (RpcException cut) when (IsPassing(cut) && time.GetElapsedTime(progress.At) < OutagePatience)
            {
                await Task.Delay(pause, time, stop);
            }
        }
    }

    private async Task<UploadPayloadResponse> SendFrom(
        FileStream file, GetUploadPositionRequest upload, long position, Progress progress, CancellationToken stop)
    {
        using var call = hub.Tasks.UploadPayload(cancellationToken: stop);
        try
        {
            var header = new UploadHeader { Size = upload.Size, Sha256 = upload.Sha256, Offset = position };
            await call.RequestStream.WriteAsync(new UploadPayloadRequest { Header = header }, stop);
            file.Position = position;
            var buffer = new byte[ChunkBytes];
            int read;
            while ((read = await file.ReadAtLeastAsync(buffer, ChunkBytes, throwOnEndOfStream: false, stop)) > 0)
            {
                // Copied: the buffer is used again while the transport may still hold this chunk.
                await call.RequestStream.WriteAsync(new UploadPayloadRequest { Data = ByteString.CopyFrom(buffer, 0, read) }, stop);
                Say(file.Position, upload.Size, progress);
            }

            await call.RequestStream.CompleteAsync();
        }
        catch (Exception ended) when (ended is InvalidOperationException or HttpIOException or HttpRequestException
            or RpcException { StatusCode: not StatusCode.Cancelled })
        {
            // The hub ended the call early, or the connection is cut; the answer says which.
        }

        var answer = await call.ResponseAsync;
        terminal.EndStatus();
        return answer;
    }

    private void Say(long sent, long size, Progress progress)
    {
        if (time.GetElapsedTime(progress.At) > SayEvery)
        {
            terminal.Status($"uploading: {sent * 100 / size} % of {size >> 20} MiB");
            progress.At = time.GetTimestamp();
        }
    }

    private static bool IsPassing(RpcException cut) => RpcFailure.IsCut(cut)
        || (cut.StatusCode == StatusCode.FailedPrecondition && RpcFailure.ReasonOf(cut) is "WRONG_OFFSET" or "PARTIAL_INCOMPLETE");

    private sealed class Progress
    {
        public long At { get; set; } = TimeProvider.System.GetTimestamp();
    }
}
