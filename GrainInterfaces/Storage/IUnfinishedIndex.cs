using HiveMind.Scheduling;

namespace HiveMind.Storage;

/// <summary>
/// Every task that is not yet ended and settled, in the state store: written before the birth, removed after the database, so always a superset.
/// A mark beside an entry says that a node may hold it: written before the grant, removed when it waits again.
/// </summary>
public interface IUnfinishedIndex
{
    /// <summary>Ordered before any later write of this silo; durable when that one is.</summary>
    Task Add(IReadOnlyList<PendingTask> tasks);
    /// <summary>The same, but an entry that is there stays as it is.</summary>
    Task AddMissing(IReadOnlyList<PendingTask> tasks);
    Task Mark(IReadOnlyList<string> taskIds, string nodeId);
    /// <summary>It waits again: its entry says from when on, and no node may hold it. Nothing when it has no entry any more.</summary>
    Task Return(PendingTask task);
    /// <summary>Whatever the entries hold: also those that cannot be read.</summary>
    Task Remove(IReadOnlyList<string> taskIds);
    /// <summary>Only if the entry still is what was read; false: it has been written anew since, or is gone.</summary>
    Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored);
    /// <summary>Those of the tasks that have an entry, each with the node that may hold it: what is not among them is no open task.</summary>
    Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds);
    Task<long> Count();
    /// <summary>
    /// Bucket by bucket, bounded memory: every entry with the node that may hold it. One that cannot be read stops nothing: it is named to
    /// <paramref name="unreadable"/> and left out.
    /// </summary>
    IAsyncEnumerable<UnfinishedEntry> Scan(CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null);
}
