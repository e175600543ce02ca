using Google.Protobuf;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Faults;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>
/// A running attempt's output: piece by piece while it prints, the rest when it has ended. Both write to one partial file, which then becomes
/// the result. Nothing is taken from a node that does not hold the attempt now.
/// </summary>
internal sealed class OutputIntake(IGrainFactory grains, IPartialFiles partials, OutputReceipts receipts, TimeProvider time)
{
    public async Task<Wire.AppendOutputResponse> Append(string nodeId, Wire.AppendOutputRequest request, CancellationToken cancel)
    {
        Named(request.TaskId, request.Attempt, request.Stream, "")
            .Require(request.Offset >= 0, "offset", "0 or more.")
            .Require(!request.Anew || request.Offset == 0, "offset", "0 for a program that was begun again.")
            .Require(request.Data.Length <= Limits.ChunkBytes, "data", "Up to 64 KiB.")
            .Found.ThrowIfAny();
        var spec = await grains.GetGrain<INodeGrain>(nodeId).CheckAttempt(request.TaskId, request.Attempt);
        var id = PartialIds.Output(request.TaskId, request.Attempt, request.Stream);
        // An attempt's program may be begun again by a worker whose lease had run out: what the first run printed must not lead its output.
        if (request.Anew && await partials.Length(id, cancel) > 0) await partials.Delete(id);
        var position = await partials.Append(id, request.Offset, request.Data.Memory, spec.MaxOutputBytes, cancel);
        return new Wire.AppendOutputResponse { Success = true, Position = position };
    }

    public async Task<Wire.SendOutputResponse> Send(string nodeId, IAsyncStreamReader<Wire.OutputChunk> input, CancellationToken cancel)
    {
        var header = Checked(await ByteStreams.Header(input, message => message.Header, time));
        var spec = await grains.GetGrain<INodeGrain>(nodeId).CheckAttempt(header.TaskId, header.Attempt);
        if (header.Size > spec.MaxOutputBytes) throw HiveMindException.Invalid("header.size", $"0 to {spec.MaxOutputBytes} bytes, as the task asks for.");
        var id = PartialIds.Output(header.TaskId, header.Attempt, header.Stream);
        var position = header.Offset;
        if (await partials.Length(id, cancel) != position) throw WrongOffset();
        var chunks = ByteStreams.Chunks(input, message => message.ChunkCase == Wire.OutputChunk.ChunkOneofCase.Data ? message.Data : null,
            header.Size - header.Offset, time, cancel);
        await foreach (var chunk in chunks)
        {
            var after = await partials.Append(id, position, chunk, header.Size, cancel);
            if (after != position + chunk.Length) throw WrongOffset(); // another connection of this worker was here
            position = after;
        }

        var blob = await partials.Complete(id, header.Size, null, cancel);
        Failpoint.Hit(Failpoints.EndAfterFile);
        return new Wire.SendOutputResponse
        {
            Success = true, Message = "Stored.", Sha256 = blob.Sha256, Size = blob.Size,
            Receipt = ByteString.CopyFrom(receipts.Issue(nodeId, header.TaskId, header.Attempt, blob)),
        };
    }

    private static Wire.OutputHeader Checked(Wire.OutputHeader? header)
    {
        if (header is null) throw HiveMindException.Invalid("header", "The first message is the header.");
        Named(header.TaskId, header.Attempt, header.Stream, "header.")
            .Require(header.Size >= 0, "header.size", "0 or more.")
            .Require(header.Offset >= 0 && header.Offset <= header.Size, "header.offset", "0 to the size.")
            .Found.ThrowIfAny();
        return header;
    }

    private static FieldProblems Named(string taskId, int attempt, string stream, string prefix) => new FieldProblems()
        .Require(TaskIds.IsValid(taskId), $"{prefix}task_id", "32 lower-case hex digits.")
        .Require(attempt >= 1, $"{prefix}attempt", "1 or more.")
        .Require(OutputStreams.IsKnown(stream), $"{prefix}stream", "\"stdout\" or \"stderr\".");

    private static HiveMindException WrongOffset() =>
        HiveMindException.Precondition("WRONG_OFFSET", "The hub has another part of it: ask with AppendOutput where to go on.");
}
