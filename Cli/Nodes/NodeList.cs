using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>All machines of the pool, page by page.</summary>
internal static class NodeList
{
    public static async Task<IReadOnlyList<NodeInfo>> Read(HubClient hub, string status, CancellationToken stop)
    {
        var nodes = new List<NodeInfo>();
        var request = new ListNodesRequest { Status = status };
        do
        {
            var page = await hub.Nodes.ListNodesAsync(request, cancellationToken: stop);
            nodes.AddRange(page.Nodes);
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        return nodes;
    }
}
