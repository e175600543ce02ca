using System.Collections.Concurrent;
using HiveMind.Edge;
using HiveMind.Storage;

namespace HiveMind.Nodes;

/// <summary>All nodes as their grains know them, asked a bounded number at a time. The index is a superset: ids without a record are left out.</summary>
internal sealed class NodeDirectory(IGrainFactory grains, INodeIndex index, TimeProvider time) : INodeDirectory
{
    private const int Parallel = 32;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);
    private sealed record Kept(IReadOnlyList<NodeSnapshot> Nodes, long At);
    private volatile Kept? _kept;

    public async Task<IReadOnlyList<NodeSnapshot>> All(CancellationToken cancel)
    {
        var found = new ConcurrentBag<NodeSnapshot>();
        await ForEach(await index.All(), async id =>
        {
            if (await grains.GetGrain<INodeGrain>(id).GetSnapshot() is { } node) found.Add(node);
        }, cancel);
        var nodes = found.OrderBy(n => n.NodeId, StringComparer.Ordinal).ToArray();
        _kept = new Kept(nodes, time.GetTimestamp());
        return nodes;
    }

    /// <summary>Up to two seconds old: for figures, which dashboards ask again and again.</summary>
    public async Task<IReadOnlyList<NodeSnapshot>> Recent(CancellationToken cancel) =>
        _kept is { } kept && time.GetElapsedTime(kept.At) < Fresh ? kept.Nodes : await All(cancel);

    /// <summary>Null for an unknown or impossible id.</summary>
    public async Task<NodeSnapshot?> Find(string nodeId) => Text.IsId(nodeId) ? await grains.GetGrain<INodeGrain>(nodeId).GetSnapshot() : null;

    public static Task ForEach<T>(IEnumerable<T> items, Func<T, Task> visit, CancellationToken cancel) => System.Threading.Tasks.Parallel.ForEachAsync(
        items, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancel }, async (item, _) => await visit(item));
}
