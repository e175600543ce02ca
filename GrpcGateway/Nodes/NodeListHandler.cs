using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>What machines there are.</summary>
internal sealed class NodeListHandler(NodeDirectory nodes, NodeInfos infos, EdgeBudgets budgets)
{
    public async Task<Wire.GetNodeInfoResponse> Show(Wire.GetNodeInfoRequest request, ServerCallContext context)
    {
        var node = await nodes.Find(request.NodeId) ?? throw HiveMindException.NotFound("node", Text.Shown(request.NodeId));
        return new Wire.GetNodeInfoResponse { Success = true, Node = await infos.Of(node, context) };
    }

    /// <param name="request">Checked.</param>
    /// <param name="context">Of a user's call.</param>
    public async Task<Wire.ListNodesResponse> List(Wire.ListNodesRequest request, ServerCallContext context)
    {
        var size = request.PageSize == 0 ? NodeDirectory.LargestPage : request.PageSize;
        await OpenCall.Hold(context, budgets.Lists, (long)size * Limits.RowBytes);
        var (page, next) = await nodes.Page(request.PageToken, size, n => (request.Status.Length == 0 || n.Status == request.Status)
            && (request.NodeType.Length == 0 || n.NodeType == request.NodeType), context.CancellationToken);
        var call = UserCall.Of(context);
        var found = new Wire.NodeInfo[page.Count];
        await NodeDirectory.ForEach(Enumerable.Range(0, page.Count), async i =>
            found[i] = await infos.Of(page[i], call, context.CancellationToken), context.CancellationToken);
        var answer = new Wire.ListNodesResponse { Success = true, NextPageToken = next };
        answer.Nodes.AddRange(found);
        return answer;
    }
}
