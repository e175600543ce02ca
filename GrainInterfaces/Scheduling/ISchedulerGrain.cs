using HiveMind.Nodes;
using HiveMind.Tasks;
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
    [Alias("GetCounts"), ReadOnly] Task<SchedulerCounts> GetCounts();
    /// <summary>The tasks among these that it does not have in its queue or on the way to a node.</summary>
    [Alias("Missing"), ReadOnly] Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds);
}

/// <summary>Finishes half-done steps: one per scheduler shard, driven by a reminder and at silo start.</summary>
[Alias("HiveMind.ISweeperGrain")]
public interface ISweeperGrain : IGrainWithStringKey
{
    /// <summary>Ends with a sweep that began after the call: one that is under way may be past what the caller means.</summary>
    [Alias("Sweep"), AlwaysInterleave] Task Sweep();
}

public static class Shards
{
    public const string Default = "default/0";
}

/// <summary>Resources a run reserves. Cores in thousandths, so that sums are exact.</summary>
[GenerateSerializer, Alias("HiveMind.ResourceRequest"), Immutable]
public sealed record ResourceRequest([property: Id(0)] int MilliCores, [property: Id(1)] int MemoryMb, [property: Id(2)] int Gpus);

/// <summary>All the scheduler knows of a waiting task; also the record of the unfinished index.</summary>
[GenerateSerializer, Alias("HiveMind.PendingTask"), Immutable]
public sealed record PendingTask(
    [property: Id(0)] string TaskId, [property: Id(1)] string UserId, [property: Id(2)] string TaskType, [property: Id(3)] TaskPriority Priority,
    [property: Id(4)] ResourceRequest Resources, [property: Id(5)] DateTimeOffset SubmittedAt, [property: Id(6)] DateTimeOffset NotBefore);

/// <summary>A node as the scheduler sees it. Version grows with every change at the node: an older view that arrives late is ignored.</summary>
[GenerateSerializer, Alias("HiveMind.NodeView"), Immutable]
public sealed record NodeView(
    [property: Id(0)] string NodeId, [property: Id(1)] string OwnerId, [property: Id(2)] bool AcceptsStrangers, [property: Id(3)] IReadOnlyList<string> TaskTypes,
    [property: Id(4)] ResourceRequest Total, [property: Id(5)] ResourceRequest Free, [property: Id(6)] bool CanTakeWork,
    [property: Id(7)] long Version);

[GenerateSerializer, Alias("HiveMind.TaskOffer"), Immutable]
public sealed record TaskOffer([property: Id(0)] PendingTask Task);

/// <summary>The answer to an offer: what became of each task, and the node's view after it.</summary>
[GenerateSerializer, Alias("HiveMind.OfferResult"), Immutable]
public sealed record OfferResult([property: Id(0)] IReadOnlyList<OfferAnswer> Answers, [property: Id(1)] NodeView? View);

[GenerateSerializer, Alias("HiveMind.OfferAnswer"), Immutable]
public sealed record OfferAnswer([property: Id(0)] string TaskId, [property: Id(1)] OfferAnswerKind Kind);

/// <summary>Granted, or: NoRoom and Unreachable (still waits), NotPending (the task's record says it waits no more).</summary>
public enum OfferAnswerKind { Granted = 0, NoRoom = 1, NotPending = 2, TryAgain = 3 }

/// <summary>Which kind of no. Reason is a stable upper-case word, Text a sentence.</summary>
[GenerateSerializer, Alias("HiveMind.WaitReason"), Immutable]
public sealed record WaitReason([property: Id(0)] string Reason, [property: Id(1)] string Text);

[GenerateSerializer, Alias("HiveMind.SchedulerCounts"), Immutable]
public sealed record SchedulerCounts([property: Id(0)] int Pending, [property: Id(1)] int Nodes);
