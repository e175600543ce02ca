using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Payloads that come in chunks before the task that runs them.</summary>
internal sealed class PayloadUploads(IUploads uploads, HubOptions options, TimeProvider time)
{
    public async Task<Wire.UploadPayloadResponse> Take(string userId, IAsyncStreamReader<Wire.UploadPayloadRequest> input, CancellationToken cancel)
    {
        var header = await ByteStreams.Header(input, message => message.Header, time) ?? throw HiveMindException.Invalid("header", "The first message is the header.");
        TaskRules.Check(header.Size, header.Sha256, "header.", options.Tasks)
            .Require(header.Offset >= 0 && header.Offset <= header.Size, "header.offset", "0 to the size.")
            .Found.ThrowIfAny();
        var upload = new UploadSpec(header.Size, header.Sha256);
        var position = header.Offset;
        if (await uploads.Position(userId, upload, cancel) != position) throw WrongOffset();
        await uploads.RequireRoom(header.Size - position, cancel);
        var chunks = ByteStreams.Chunks(input, message => message.ChunkCase == Wire.UploadPayloadRequest.ChunkOneofCase.Data ? message.Data : null,
            header.Size - header.Offset, time, cancel);
        await foreach (var chunk in chunks)
        {
            var after = await uploads.Append(userId, upload, position, chunk, cancel);
            if (after != position + chunk.Length) throw WrongOffset(); // the same user sends the same bytes twice at once
            position = after;
        }

        await uploads.Complete(userId, upload, cancel);
        return new Wire.UploadPayloadResponse { Success = true, Message = "Stored.", Sha256 = upload.Sha256, Size = upload.Size };
    }

    public async Task<Wire.GetUploadPositionResponse> Position(string userId, Wire.GetUploadPositionRequest request, CancellationToken cancel)
    {
        TaskRules.Check(request.Size, request.Sha256, "", options.Tasks).Found.ThrowIfAny();
        return new Wire.GetUploadPositionResponse { Success = true, Position = await uploads.Position(userId, new(request.Size, request.Sha256), cancel) };
    }

    /// <summary>The payload that a submission names by its hash.</summary>
    public async Task<BlobRef> Find(string userId, Wire.SubmitTaskRequest request, CancellationToken cancel) =>
        await uploads.Find(userId, new(request.PayloadSize, request.PayloadSha256), cancel)
        ?? throw new HiveMindException(FailureKind.FailedPrecondition, "PAYLOAD_NOT_UPLOADED", "You have not uploaded these bytes, or long ago: use UploadPayload.", "payload_sha256");

    private static HiveMindException WrongOffset() =>
        HiveMindException.Precondition("WRONG_OFFSET", "The hub has another part of it: ask GetUploadPosition where to go on.");
}
