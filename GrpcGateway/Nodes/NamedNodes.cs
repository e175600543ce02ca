using HiveMind.Edge;

namespace HiveMind.Nodes;

/// <summary>Nodes that a request names.</summary>
internal static class NamedNodes
{
    /// <summary>NotFound for what cannot be the id of a node: no grain is made for it.</summary>
    public static INodeGrain NamedNode(this IGrainFactory grains, string nodeId) =>
        Text.IsId(nodeId) ? grains.GetGrain<INodeGrain>(nodeId) : throw HiveMindException.NotFound("node", Text.Shown(nodeId));

    /// <summary>A node token is good for its own node only.</summary>
    public static string Own(this NodeIdentity self, string named) => named.Length == 0 || named == self.NodeId
        ? self.NodeId
        : throw HiveMindException.Denied("NODE_MISMATCH", "node_id is not the node of this token.");
}
