using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>What a task needs, to the machine that runs it.</summary>
internal sealed class PayloadFetchHandler(IGrainFactory grains, IFiles files, FetchSlots slots, TimeProvider time)
{
    public async Task Fetch(Wire.FetchPayloadRequest request, IServerStreamWriter<Wire.DataChunk> responseStream, ServerCallContext context)
    {
        if (!TaskIds.IsValid(request.TaskId)) throw HiveMindException.NotFound("task", Text.Shown(request.TaskId));
        var spec = await grains.GetGrain<INodeGrain>(NodeCall.Of(context).NodeId).CheckAttempt(request.TaskId, request.Attempt);
        var blob = !request.StandardInput ? spec.Payload
            : spec.StandardInputFile ?? throw HiveMindException.Invalid("standard_input", "The task has no file of standard input.");
        if (request.Offset < 0 || request.Offset > blob.Size) throw HiveMindException.Invalid("offset", $"0 to the size, which is {blob.Size}.");
        using var slot = slots.Take($"{request.TaskId}/{request.Attempt}");
        await slot.Guard(cancel =>
            ByteStreams.Send(files, blob, request.Offset, data => new Wire.DataChunk { Data = data }, responseStream, time, cancel), context.CancellationToken);
    }
}
