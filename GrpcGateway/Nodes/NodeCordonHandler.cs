using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Machines that take no new tasks for a time.</summary>
internal sealed class NodeCordonHandler(IGrainFactory grains, NodeInfos infos, NodeAudit audit)
{
    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.CordonNodeResponse> Cordon(Wire.CordonNodeRequest request, ServerCallContext context)
    {
        var node = await grains.NamedNode(request.NodeId).Cordon(UserCall.Of(context).Caller, request.Reason.Trim(), null);
        await audit.Note(AuditActions.NodeCordoned, request.NodeId, context, node.Cordoned);
        return new Wire.CordonNodeResponse { Success = true, Message = "Cordoned.", Node = await infos.Of(node, context) };
    }

    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.DrainNodeResponse> Drain(Wire.DrainNodeRequest request, ServerCallContext context)
    {
        var patience = request.DeadlineSeconds > 0 ? TimeSpan.FromSeconds(request.DeadlineSeconds) : (TimeSpan?)null;
        var node = await grains.NamedNode(request.NodeId).Cordon(UserCall.Of(context).Caller, request.Reason.Trim(), patience);
        await audit.Note(AuditActions.NodeDrained, request.NodeId, context, node.Cordoned);
        return new Wire.DrainNodeResponse { Success = true, Message = "Draining.", Node = await infos.Of(node, context) };
    }

    public async Task<Wire.UncordonNodeResponse> Uncordon(Wire.UncordonNodeRequest request, ServerCallContext context)
    {
        var node = await grains.NamedNode(request.NodeId).Uncordon(UserCall.Of(context).Caller);
        await audit.Note(AuditActions.NodeUncordoned, request.NodeId, context);
        return new Wire.UncordonNodeResponse { Success = true, Message = "Uncordoned.", Node = await infos.Of(node, context) };
    }
}
