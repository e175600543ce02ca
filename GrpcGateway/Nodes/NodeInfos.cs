using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>A node as a caller may see it, with the totals of its work.</summary>
internal sealed class NodeInfos(IPoolDatabase database)
{
    public Task<Wire.NodeInfo> Of(NodeSnapshot node, ServerCallContext context) => Of(node, UserCall.Of(context), context.CancellationToken);

    public async Task<Wire.NodeInfo> Of(NodeSnapshot node, UserCall call, CancellationToken cancel) =>
        NodeMapping.ToInfo(node, await database.NodeTotals(node.NodeId, cancel), call.Sees(node.OwnerId));
}
