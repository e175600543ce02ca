using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>
/// One shard of one pool ("default/0"). Holds the queue of what waits and the picture of who is free; proposes. Can be lost at any
/// moment: rebuilt from the unfinished index and the nodes' next heartbeats. Never waits for another grain within a turn.
/// </summary>
[Alias("HiveMind.ISchedulerGrain")]
public interface ISchedulerGrain : IGrainWithStringKey
{
    [Alias("Enqueue")] Task Enqueue(IReadOnlyList<PendingTask> tasks);
    /// <summary>Ended or cancelled: it waits no more.</summary>
    [Alias("Remove")] Task Remove(IReadOnlyList<string> taskIds);
    /// <summary>A node's free capacity as its NodeGrain knows it now; null forgets the node.</summary>
    [Alias("NodeChanged")] Task NodeChanged(string nodeId, NodeView? view);
    /// <summary>Why that task waits: kind of no, stable reason, sentence.</summary>
    [Alias("Explain"), ReadOnly] Task<WaitReason> Explain(string taskId);
    /// <summary>The same with all that is known of it: place, what is ahead, reservation, estimate, the nearest node.</summary>
    [Alias("ExplainWhole"), ReadOnly] Task<TaskExplanation> ExplainWhole(string taskId);
    /// <summary>What one account has waiting and running now, as far as is known here.</summary>
    [Alias("GetUserLoad"), ReadOnly] Task<UserLoad> GetUserLoad(string userId);
    /// <summary>That account's machines that hold a lease, as far as is known here.</summary>
    [Alias("NodesOf"), ReadOnly] Task<IReadOnlyList<string>> NodesOf(string ownerId);
    [Alias("GetCounts"), ReadOnly] Task<SchedulerCounts> GetCounts();
    /// <summary>The tasks among these, which the index or their records have, that it does not have in its queue or on the way to a node.</summary>
    [Alias("Missing"), ReadOnly] Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds);
    /// <summary>
    /// Up to so many that it has had since before the last call and that were not among those asked for (<see cref="Missing"/>) since: after a pass that asked for
    /// all that the index has, those that it does not have.
    /// </summary>
    [Alias("TakeUnnamed")] Task<IReadOnlyList<string>> TakeUnnamed(int most);
    /// <summary>Whether it has read the whole index since it began: until then what it does not have may be on its way to it.</summary>
    [Alias("IsWhole"), ReadOnly] Task<bool> IsWhole();
}
