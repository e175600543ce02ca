using HiveMind.Scheduling;

namespace HiveMind.Storage;

/// <summary>
/// Every task that is not yet ended and settled, in the floor: written before the birth, removed after the books, so always a superset.
/// A mark beside an entry says that a node may hold it: written before the grant, removed when it waits again.
/// </summary>
public interface IUnfinishedIndex
{
    /// <summary>Ordered before any later write of this silo; durable when that one is.</summary>
    Task Add(IReadOnlyList<PendingTask> tasks);
    Task Mark(IReadOnlyList<string> taskIds, string nodeId);
    /// <summary>It waits again: its entry says from when on, and no node may hold it. Nothing when it has no entry any more.</summary>
    Task Return(PendingTask task);
    Task Remove(IReadOnlyList<string> taskIds);
    Task<long> Count();
    /// <summary>Bucket by bucket, bounded memory: every entry with the node that may hold it.</summary>
    IAsyncEnumerable<UnfinishedEntry> Scan(CancellationToken cancel = default);
}

public sealed record UnfinishedEntry(PendingTask Task, string? MarkedNode);

/// <summary>Ids of all registered nodes, in the floor: written before the registration, so a superset.</summary>
public interface INodeIndex
{
    Task Add(string nodeId);
    Task Remove(string nodeId);
    Task<IReadOnlyList<string>> All();
}
