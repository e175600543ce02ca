using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>What a machine says beside its stream: how it does, and how a task ended.</summary>
internal sealed class WorkerReportHandler(IGrainFactory grains, ReportReader reports)
{
    /// <param name="request">Checked.</param>
    /// <param name="context">Of the node's call or of a user's.</param>
    public async Task<Wire.UpdateNodeStatusResponse> UpdateStatus(Wire.UpdateNodeStatusRequest request, ServerCallContext context)
    {
        var (node, caller) = CallIdentity.Of(context) switch
        {
            { Node: { } self } => (grains.GetGrain<INodeGrain>(self.Own(request.NodeId)), (Caller?)null),
            _ => (grains.NamedNode(request.NodeId), UserCall.Of(context).Caller),
        };
        await node.TouchUnary(caller, request.Status.Length == 0 ? null : request.Status, NodeMapping.ToUsage(request.ResourceUsage));
        return new Wire.UpdateNodeStatusResponse { Success = true, Message = "Seen." };
    }

    public async Task<Wire.ReportTaskResponse> Report(Wire.ReportTaskRequest request, ServerCallContext context)
    {
        var nodeId = NodeCall.Of(context).Own(request.NodeId);
        var node = grains.GetGrain<INodeGrain>(nodeId);
        if (request.Report is null) throw HiveMindException.Invalid("report", "Say what happened.");
        ReportReader.Check(request.Report, Limits.ReportOutputBytes).ThrowIfAny();
        // Nothing is written for an attempt that is not this node's.
        if (request.Report.Result?.Inline.Length > BlobRef.InlineLimit || request.Report.Stderr?.Inline.Length > BlobRef.InlineLimit)
            await node.CheckAttempt(request.Report.TaskId, request.Report.Attempt);
        var report = await reports.Read(nodeId, request.Report, Limits.ReportOutputBytes, context.CancellationToken);
        var verdict = (await node.Report(0, [report]))[0];
        return verdict.Kind switch
        {
            ReportVerdictKind.Accepted => new Wire.ReportTaskResponse { Success = true, Message = "Accepted." },
            ReportVerdictKind.Stale => throw HiveMindException.Aborted("STALE_ATTEMPT", verdict.Message),
            _ => throw HiveMindException.Unavailable(verdict.Reason, verdict.Message),
        };
    }
}
