using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Lent machines on the wire, and the way of their workers: which handler answers what.</summary>
internal sealed class NodeManagerServiceEndpoint(
    NodeRegistrationHandler registration, NodeCordonHandler cordon, NodeListHandler lists, WorkerSessions sessions, WorkerReportHandler reports,
    PayloadFetchHandler payloads, OutputIntake outputs) : Wire.NodeManagerService.NodeManagerServiceBase
{
    public override Task<Wire.RegisterNodeResponse> RegisterNode(Wire.RegisterNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        return registration.Register(request, context);
    }

    public override Task<Wire.UnregisterNodeResponse> UnregisterNode(Wire.UnregisterNodeRequest request, ServerCallContext context) =>
        registration.Unregister(request, context);

    public override Task<Wire.RevokeNodeTokenResponse> RevokeNodeToken(Wire.RevokeNodeTokenRequest request, ServerCallContext context) =>
        registration.RevokeToken(request, context);

    public override Task<Wire.UpdateNodeStatusResponse> UpdateNodeStatus(Wire.UpdateNodeStatusRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        return reports.UpdateStatus(request, context);
    }

    public override Task<Wire.GetNodeInfoResponse> GetNodeInfo(Wire.GetNodeInfoRequest request, ServerCallContext context) => lists.Show(request, context);

    public override Task<Wire.ListNodesResponse> ListNodes(Wire.ListNodesRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        return lists.List(request, context);
    }

    public override Task<Wire.CordonNodeResponse> CordonNode(Wire.CordonNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        return cordon.Cordon(request, context);
    }

    public override Task<Wire.DrainNodeResponse> DrainNode(Wire.DrainNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        return cordon.Drain(request, context);
    }

    public override Task<Wire.UncordonNodeResponse> UncordonNode(Wire.UncordonNodeRequest request, ServerCallContext context) => cordon.Uncordon(request, context);

    public override Task Work(
        IAsyncStreamReader<Wire.WorkerMessage> requestStream, IServerStreamWriter<Wire.HubMessage> responseStream, ServerCallContext context) =>
        sessions.Run(NodeCall.Of(context), requestStream, responseStream, context);

    public override Task<Wire.ReportTaskResponse> ReportTask(Wire.ReportTaskRequest request, ServerCallContext context) => reports.Report(request, context);

    public override Task FetchPayload(Wire.FetchPayloadRequest request, IServerStreamWriter<Wire.DataChunk> responseStream, ServerCallContext context) =>
        payloads.Fetch(request, responseStream, context);

    public override Task<Wire.SendOutputResponse> SendOutput(IAsyncStreamReader<Wire.OutputChunk> requestStream, ServerCallContext context) =>
        outputs.Send(NodeCall.Of(context).NodeId, requestStream, context.CancellationToken);

    public override Task<Wire.AppendOutputResponse> AppendOutput(Wire.AppendOutputRequest request, ServerCallContext context) =>
        outputs.Append(NodeCall.Of(context).NodeId, request, context.CancellationToken);
}
