using System.Security.Cryptography;
using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>Lent machines on the wire, and the way of their workers.</summary>
internal sealed class NodeManagerServiceEndpoint(
    IGrainFactory grains, IPoolDatabase database, IFiles files, NodeDirectory nodes, WorkerSessions sessions, ReportReader reports, OutputIntake outputs,
    FetchSlots fetches, EdgeBudgets budgets, TimeProvider time, IAuditLog audit) : Wire.NodeManagerService.NodeManagerServiceBase
{
    public override async Task<Wire.RegisterNodeResponse> RegisterNode(Wire.RegisterNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        var id = request.NodeId.Length > 0 ? request.NodeId : $"node-{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}";
        var owner = UserCall.Of(context).Acting;
        var load = grains.GetGrain<IAccountLoadGrain>(owner.UserId);
        var isNew = await load.AdmitNode(id, owner.Role);
        var isKnown = await Node(id).GetSnapshot() is not null;
        NodeRegistered registered;
        try
        {
            registered = await Node(id).Register(NodeMapping.ToRegistration(request, owner));
        }
        catch (HiveMindException refused) when (isNew && refused.Kind != FailureKind.Unavailable)
        {
            await load.NodeGone(id);
            throw;
        }

        await Note(isKnown ? AuditActions.NodeTokenRotated : AuditActions.NodeRegistered, id, context);
        return new Wire.RegisterNodeResponse { Success = true, Message = "Registered.", AssignedId = registered.NodeId, NodeToken = registered.NodeToken };
    }

    public override async Task<Wire.UnregisterNodeResponse> UnregisterNode(Wire.UnregisterNodeRequest request, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        await Node(Known(request.NodeId)).Unregister(call.Caller);
        await Note(AuditActions.NodeRemoved, request.NodeId, context);
        await grains.GetGrain<IAccountLoadGrain>(call.Acting.UserId).NodeGone(request.NodeId);
        return new Wire.UnregisterNodeResponse { Success = true, Message = "Unregistered." };
    }

    public override async Task<Wire.UpdateNodeStatusResponse> UpdateNodeStatus(Wire.UpdateNodeStatusRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        var (node, caller) = CallIdentity.Of(context) switch
        {
            { Node: { } self } => (Own(self, request.NodeId), (Caller?)null),
            _ => (Known(request.NodeId), UserCall.Of(context).Caller),
        };
        await Node(node).TouchUnary(caller, request.Status.Length == 0 ? null : request.Status, NodeMapping.ToUsage(request.ResourceUsage));
        return new Wire.UpdateNodeStatusResponse { Success = true, Message = "Seen." };
    }

    public override async Task<Wire.GetNodeInfoResponse> GetNodeInfo(Wire.GetNodeInfoRequest request, ServerCallContext context)
    {
        var node = await nodes.Find(request.NodeId) ?? throw HiveMindException.NotFound("node", Text.Shown(request.NodeId));
        return new Wire.GetNodeInfoResponse { Success = true, Node = await Info(node, context) };
    }

    public override async Task<Wire.CordonNodeResponse> CordonNode(Wire.CordonNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        var node = await Node(Known(request.NodeId)).Cordon(UserCall.Of(context).Caller, request.Reason.Trim(), null);
        await Note(AuditActions.NodeCordoned, request.NodeId, context, node.Cordoned);
        return new Wire.CordonNodeResponse { Success = true, Message = "Cordoned.", Node = await Info(node, context) };
    }

    public override async Task<Wire.DrainNodeResponse> DrainNode(Wire.DrainNodeRequest request, ServerCallContext context)
    {
        NodeRules.Check(request).ThrowIfAny();
        var patience = request.DeadlineSeconds > 0 ? TimeSpan.FromSeconds(request.DeadlineSeconds) : (TimeSpan?)null;
        var node = await Node(Known(request.NodeId)).Cordon(UserCall.Of(context).Caller, request.Reason.Trim(), patience);
        await Note(AuditActions.NodeDrained, request.NodeId, context, node.Cordoned);
        return new Wire.DrainNodeResponse { Success = true, Message = "Draining.", Node = await Info(node, context) };
    }

    public override async Task<Wire.UncordonNodeResponse> UncordonNode(Wire.UncordonNodeRequest request, ServerCallContext context)
    {
        var node = await Node(Known(request.NodeId)).Uncordon(UserCall.Of(context).Caller);
        await Note(AuditActions.NodeUncordoned, request.NodeId, context);
        return new Wire.UncordonNodeResponse { Success = true, Message = "Uncordoned.", Node = await Info(node, context) };
    }

    public override async Task<Wire.RevokeNodeTokenResponse> RevokeNodeToken(Wire.RevokeNodeTokenRequest request, ServerCallContext context)
    {
        var node = await Node(Known(request.NodeId)).RevokeToken(UserCall.Of(context).Caller);
        await Note(AuditActions.NodeTokenRevoked, request.NodeId, context);
        return new Wire.RevokeNodeTokenResponse { Success = true, Message = "Revoked.", Node = await Info(node, context) };
    }

    public override async Task<Wire.ListNodesResponse> ListNodes(Wire.ListNodesRequest request, ServerCallContext context)
    {
        new FieldProblems()
            .Require(request.PageSize is >= 0 and <= NodeDirectory.LargestPage, "page_size", $"0 (means {NodeDirectory.LargestPage}) to {NodeDirectory.LargestPage}.")
            .Require(request.PageToken.Length == 0 || Text.IsId(request.PageToken), "page_token", "The next_page_token of the page before, or empty for the first page.")
            .Found.ThrowIfAny();
        var size = request.PageSize == 0 ? NodeDirectory.LargestPage : request.PageSize;
        await OpenCall.Hold(context, budgets.Lists, (long)size * Limits.RowBytes);
        var (page, next) = await nodes.Page(request.PageToken, size, n => (request.Status.Length == 0 || n.Status == request.Status)
            && (request.NodeType.Length == 0 || n.NodeType == request.NodeType), context.CancellationToken);
        var infos = new Wire.NodeInfo[page.Count];
        var call = UserCall.Of(context);
        await NodeDirectory.ForEach(Enumerable.Range(0, page.Count), async i =>
            infos[i] = NodeMapping.ToInfo(page[i], await database.NodeTotals(page[i].NodeId, context.CancellationToken), call.Sees(page[i].OwnerId)), context.CancellationToken);
        var answer = new Wire.ListNodesResponse { Success = true, NextPageToken = next };
        answer.Nodes.AddRange(infos);
        return answer;
    }

    public override Task Work(
        IAsyncStreamReader<Wire.WorkerMessage> requestStream, IServerStreamWriter<Wire.HubMessage> responseStream, ServerCallContext context) =>
        sessions.Run(NodeCall.Of(context), requestStream, responseStream, context);

    public override async Task<Wire.ReportTaskResponse> ReportTask(Wire.ReportTaskRequest request, ServerCallContext context)
    {
        var node = Own(NodeCall.Of(context), request.NodeId);
        if (request.Report is null) throw HiveMindException.Invalid("report", "Say what happened.");
        ReportReader.Check(request.Report, Limits.ReportOutputBytes).ThrowIfAny();
        // Nothing is written for an attempt that is not this node's.
        if (request.Report.Result?.Inline.Length > BlobRef.InlineLimit || request.Report.Stderr?.Inline.Length > BlobRef.InlineLimit)
            await Node(node).CheckAttempt(request.Report.TaskId, request.Report.Attempt);
        var report = await reports.Read(node, request.Report, Limits.ReportOutputBytes, context.CancellationToken);
        var verdict = (await Node(node).Report(0, [report]))[0];
        return verdict.Kind switch
        {
            ReportVerdictKind.Accepted => new Wire.ReportTaskResponse { Success = true, Message = "Accepted." },
            ReportVerdictKind.Stale => throw HiveMindException.Aborted("STALE_ATTEMPT", verdict.Message),
            _ => throw HiveMindException.Unavailable(verdict.Reason, verdict.Message),
        };
    }

    public override async Task FetchPayload(Wire.FetchPayloadRequest request, IServerStreamWriter<Wire.DataChunk> responseStream, ServerCallContext context)
    {
        if (!TaskIds.IsValid(request.TaskId)) throw HiveMindException.NotFound("task", Text.Shown(request.TaskId));
        var spec = await Node(NodeCall.Of(context).NodeId).CheckAttempt(request.TaskId, request.Attempt);
        var blob = !request.StandardInput ? spec.Payload
            : spec.StandardInputFile ?? throw HiveMindException.Invalid("standard_input", "The task has no file of standard input.");
        if (request.Offset < 0 || request.Offset > blob.Size) throw HiveMindException.Invalid("offset", $"0 to the size, which is {blob.Size}.");
        using var slot = fetches.Take($"{request.TaskId}/{request.Attempt}");
        await slot.Guard(cancel =>
            ByteStreams.Send(files, blob, request.Offset, data => new Wire.DataChunk { Data = data }, responseStream, time, cancel), context.CancellationToken);
    }

    public override Task<Wire.SendOutputResponse> SendOutput(IAsyncStreamReader<Wire.OutputChunk> requestStream, ServerCallContext context) =>
        outputs.Send(NodeCall.Of(context).NodeId, requestStream, context.CancellationToken);

    public override Task<Wire.AppendOutputResponse> AppendOutput(Wire.AppendOutputRequest request, ServerCallContext context) =>
        outputs.Append(NodeCall.Of(context).NodeId, request, context.CancellationToken);

    private async Task<Wire.NodeInfo> Info(NodeSnapshot node, ServerCallContext context) =>
        NodeMapping.ToInfo(node, await database.NodeTotals(node.NodeId, context.CancellationToken), UserCall.Of(context).Sees(node.OwnerId));

    /// <summary>After the grain's commit and before the answer: who did it, from where.</summary>
    private Task Note(string action, string nodeId, ServerCallContext context, string after = "") =>
        audit.Note(new(Actor.Of(UserCall.Of(context).Acting), action, nodeId, After: after), CancellationToken.None);

    private INodeGrain Node(string nodeId) => grains.GetGrain<INodeGrain>(nodeId);

    private static string Known(string nodeId) => Text.IsId(nodeId) ? nodeId : throw HiveMindException.NotFound("node", Text.Shown(nodeId));

    /// <summary>A node token is good for its own node only.</summary>
    private static string Own(NodeIdentity self, string named) => named.Length == 0 || named == self.NodeId
        ? self.NodeId
        : throw HiveMindException.Denied("NODE_MISMATCH", "node_id is not the node of this token.");
}
