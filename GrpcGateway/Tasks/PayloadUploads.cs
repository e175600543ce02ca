using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Payloads that come in chunks before the task that runs them.</summary>
internal sealed class PayloadUploads(IUploads uploads, UploadSlots slots, HubOptions options, TimeProvider time)
{
    public async Task<Wire.UploadPayloadResponse> Take(Caller submitter, IAsyncStreamReader<Wire.UploadPayloadRequest> input, CancellationToken cancel)
    {
        using var slot = slots.Take(submitter.UserId);
        Wire.UploadPayloadResponse? stored = null;
        await slot.Guard(async takenBack => stored = await Take(submitter, input, slot, takenBack), cancel);
        return stored!;
    }

    private async Task<Wire.UploadPayloadResponse> Take(
        Caller submitter, IAsyncStreamReader<Wire.UploadPayloadRequest> input, StreamSlot slot, CancellationToken cancel)
    {
        var userId = submitter.UserId;
        var header = await ByteStreams.Header(input, message => message.Header, time) ?? throw HiveMindException.Invalid("header", "The first message is the header.");
        TaskRules.Check(header.Size, header.Sha256, "header.", options.Tasks)
            .Require(header.Offset >= 0 && header.Offset <= header.Size, "header.offset", "0 to the size.")
            .Found.ThrowIfAny();
        var upload = new UploadSpec(header.Size, header.Sha256);
        var position = header.Offset;
        if (await uploads.Position(userId, upload, cancel) != position) throw WrongOffset();
        await uploads.RequireRoom(header.Size - position, cancel);
        await RequireQuota(submitter, upload, header.Size - position, cancel);
        var chunks = ByteStreams.Chunks(input, message => message.ChunkCase == Wire.UploadPayloadRequest.ChunkOneofCase.Data ? message.Data : null,
            header.Size - header.Offset, time, cancel);
        await foreach (var chunk in chunks)
        {
            var after = await uploads.Append(userId, upload, position, chunk, cancel);
            if (after != position + chunk.Length) throw WrongOffset(); // the same user sends the same bytes twice at once
            position = after;
            slot.Used();
        }

        await uploads.Complete(userId, upload, cancel);
        return new Wire.UploadPayloadResponse { Success = true, Message = "Stored.", Sha256 = upload.Sha256, Size = upload.Size };
    }

    private static readonly TimeSpan QuotaRetry = TimeSpan.FromMinutes(10);

    public async Task<Wire.GetUploadPositionResponse> Position(string userId, Wire.GetUploadPositionRequest request, CancellationToken cancel)
    {
        TaskRules.Check(request.Size, request.Sha256, "", options.Tasks).Found.ThrowIfAny();
        return new Wire.GetUploadPositionResponse { Success = true, Position = await uploads.Position(userId, new(request.Size, request.Sha256), cancel) };
    }

    /// <summary>What an account has sent and not used up: each upload is a file, whole or not, until its time is over.</summary>
    private async Task RequireQuota(Caller submitter, UploadSpec upload, long more, CancellationToken cancel)
    {
        var quota = options.Scheduling.OfRole(submitter.Role);
        if (quota is { MaxUploads: 0, MaxUploadMb: 0 }) return;
        var used = await uploads.UsedBy(submitter.UserId, cancel);
        var isNew = await uploads.Position(submitter.UserId, upload, cancel) == 0;
        if (quota.MaxUploads > 0 && isNew && used.Count >= quota.MaxUploads)
            throw HiveMindException.Exhausted("UPLOAD_QUOTA", $"The hub has {used.Count} uploads of yours, and at most {quota.MaxUploads} may be there: they go when they have been unused for a time.", QuotaRetry);
        if (quota.MaxUploadMb > 0 && used.Bytes + more > (long)quota.MaxUploadMb << 20)
            throw HiveMindException.Exhausted("UPLOAD_QUOTA",
                $"Your uploads take {used.Bytes >> 20} MiB, this one {more >> 20} MiB more, and at most {quota.MaxUploadMb} MiB may be there: they go when they have been unused for a time.", QuotaRetry);
    }

    /// <summary>The payload that a submission names by its hash.</summary>
    public async Task<BlobRef> Find(string userId, Wire.SubmitTaskRequest request, CancellationToken cancel) =>
        await uploads.Find(userId, new(request.PayloadSize, request.PayloadSha256), cancel)
        ?? throw new HiveMindException(FailureKind.FailedPrecondition, "PAYLOAD_NOT_UPLOADED", "You have not uploaded these bytes, or long ago: use UploadPayload.", "payload_sha256");

    /// <summary>The standard input that a submission names by its hash; null when it names none.</summary>
    public async Task<BlobRef?> FindInput(string userId, Wire.SubmitTaskRequest request, CancellationToken cancel) => request.StandardInputSha256.Length == 0 ? null
        : await uploads.Find(userId, new(request.StandardInputSize, request.StandardInputSha256), cancel)
        ?? throw new HiveMindException(
            FailureKind.FailedPrecondition, "PAYLOAD_NOT_UPLOADED", "You have not uploaded these bytes, or long ago: use UploadPayload.", "standard_input_sha256");

    private static HiveMindException WrongOffset() =>
        HiveMindException.Precondition("WRONG_OFFSET", "The hub has another part of it: ask GetUploadPosition where to go on.");
}
