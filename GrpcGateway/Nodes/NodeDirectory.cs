using System.Collections.Concurrent;
using HiveMind.Edge;
using HiveMind.Storage;

namespace HiveMind.Nodes;

/// <summary>All nodes as their grains know them, asked a bounded number at a time. The index is a superset: ids without a record are left out.</summary>
internal sealed class NodeDirectory(IGrainFactory grains, INodeIndex index, TimeProvider time) : INodeDirectory
{
    /// <summary>With the most labels and types that a node may have, so many are still within one answer.</summary>
    public const int LargestPage = 200;
    private const int Parallel = 32;
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(2);
    private sealed record Kept(IReadOnlyList<NodeSnapshot> Nodes, long At);
    private volatile Kept? _kept;

    public async Task<IReadOnlyList<NodeSnapshot>> All(CancellationToken cancel)
    {
        var found = new ConcurrentBag<NodeSnapshot>();
        await ForEach(await index.All(), async id =>
        {
            if (await Ask(id) is { } node) found.Add(node);
        }, cancel);
        var nodes = found.OrderBy(n => n.NodeId, StringComparer.Ordinal).ToArray();
        _kept = new Kept(nodes, time.GetTimestamp());
        return nodes;
    }

    /// <summary>The first nodes behind that id which are wanted, by id, and the id to go on behind; empty at the end. Only those are asked which may be in it.</summary>
    public async Task<(IReadOnlyList<NodeSnapshot> Nodes, string Next)> Page(string after, int size, Func<NodeSnapshot, bool> wanted, CancellationToken cancel)
    {
        var ids = (await index.All()).Where(id => string.CompareOrdinal(id, after) > 0).Order(StringComparer.Ordinal).ToArray();
        var page = new List<NodeSnapshot>(Math.Min(size, ids.Length));
        for (var at = 0; at < ids.Length; at += size)
        {
            var chunk = new NodeSnapshot?[Math.Min(size, ids.Length - at)];
            await ForEach(Enumerable.Range(0, chunk.Length), async i => chunk[i] = await Ask(ids[at + i]), cancel);
            foreach (var node in chunk)
            {
                if (node is null || !wanted(node)) continue;
                if (page.Count == size) return (page, page[^1].NodeId);
                page.Add(node);
            }
        }

        return (page, "");
    }

    /// <summary>Up to two seconds old: for figures, which dashboards ask again and again.</summary>
    public async Task<IReadOnlyList<NodeSnapshot>> Recent(CancellationToken cancel) =>
        _kept is { } kept && time.GetElapsedTime(kept.At) < Fresh ? kept.Nodes : await All(cancel);

    /// <summary>Null for an unknown or impossible id.</summary>
    public async Task<NodeSnapshot?> Find(string nodeId) => Text.IsId(nodeId) ? await grains.GetGrain<INodeGrain>(nodeId).GetSnapshot() : null;

    /// <summary>One that cannot be read is shown as such, and the others all the same.</summary>
    private async Task<NodeSnapshot?> Ask(string nodeId)
    {
        try
        {
            return await grains.GetGrain<INodeGrain>(nodeId).GetSnapshot();
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return NodeSnapshot.Unreadable(nodeId);
        }
    }

    public static Task ForEach<T>(IEnumerable<T> items, Func<T, Task> visit, CancellationToken cancel) => System.Threading.Tasks.Parallel.ForEachAsync(
        items, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancel }, async (item, _) => await visit(item));
}
