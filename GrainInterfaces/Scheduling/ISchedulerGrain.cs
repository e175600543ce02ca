using System.Collections.ObjectModel;
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

/// <summary>Finishes half-done steps: one per scheduler shard, driven by a reminder and at silo start.</summary>
[Alias("HiveMind.ISweeperGrain")]
public interface ISweeperGrain : IGrainWithStringKey
{
    /// <summary>Ends with a sweep that began after the call: one that is under way may be past what the caller means.</summary>
    [Alias("Sweep"), AlwaysInterleave] Task Sweep();
    /// <summary>
    /// Starts a sweep and does not wait for it, unless one is under way or more than so many have come to their end. Says how many have, so
    /// that who asks again, with that number, learns when one has, however long it lasts, and never makes another.
    /// </summary>
    [Alias("Begin"), AlwaysInterleave] Task<long> Begin(long ended);
}

public static class Shards
{
    public const string Default = "default/0";
}

/// <summary>Resources a run reserves. Cores in thousandths, so that sums are exact.</summary>
[GenerateSerializer, Alias("HiveMind.ResourceRequest"), Immutable]
public sealed record ResourceRequest([property: Id(0)] int MilliCores, [property: Id(1)] int MemoryMb, [property: Id(2)] int Gpus)
{
    /// <summary>Room for files while it runs, MiB.</summary>
    [Id(3)] public int DiskMb { get; init; }
}

/// <summary>All the scheduler knows of a waiting task; also the record of the unfinished index.</summary>
[GenerateSerializer, Alias("HiveMind.PendingTask"), Immutable]
public sealed record PendingTask(
    [property: Id(0)] string TaskId, [property: Id(1)] string UserId, [property: Id(2)] string TaskType, [property: Id(3)] TaskPriority Priority,
    [property: Id(4)] ResourceRequest Resources, [property: Id(5)] DateTimeOffset SubmittedAt, [property: Id(6)] DateTimeOffset NotBefore)
{
    /// <summary>The longest one run may last: the scheduler's estimate of when its room is free again. Zero: not known.</summary>
    [Id(7)] public TimeSpan RunTimeout { get; init; }
    /// <summary>Of its submitter when it was submitted: decides weight and quotas.</summary>
    [Id(8)] public string Role { get; init; } = "";
    /// <summary>What a node's labels must say (`LabelExpression`, in its canonical text); empty: nothing.</summary>
    [Id(9)] public string Labels { get; init; } = "";
    /// <summary>After that moment it is not to be started any more; null: whenever.</summary>
    [Id(10)] public DateTimeOffset? StartBy { get; init; }
    /// <summary>Held of its submitter's balance now. Not told to nodes, nor kept in the scheduler's queue.</summary>
    [Id(11)] public long HoldMicros { get; init; }
    /// <summary>Of its program. As above.</summary>
    [Id(12)] public long PayloadBytes { get; init; }
    /// <summary>The nodes of its last failed attempts, at most five, between blanks: they are left out for a while where others can run it.</summary>
    [Id(13)] public string FailedOn { get; init; } = "";
}

/// <summary>A node as the scheduler sees it. Version grows with every word of one activation: an older view that arrives late is ignored.</summary>
[GenerateSerializer, Alias("HiveMind.NodeView"), Immutable]
public sealed record NodeView(
    [property: Id(0)] string NodeId, [property: Id(1)] string OwnerId, [property: Id(2)] bool AcceptsStrangers, [property: Id(3)] IReadOnlyList<string> TaskTypes,
    [property: Id(4)] ResourceRequest Total, [property: Id(5)] ResourceRequest Free, [property: Id(6)] bool CanTakeWork,
    [property: Id(7)] long Version)
{
    /// <summary>The owner's labels and those that follow from what the machine is (`gpu.model`, ...).</summary>
    [Id(8)] public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;
    /// <summary>What has room reserved on it now, offers that are being granted too.</summary>
    [Id(9)] public IReadOnlyList<RunningTask> Running { get; init; } = [];
    /// <summary>Percent of the whole machine that is in use, whoever uses it: for the score only.</summary>
    [Id(10)] public double CpuPercent { get; init; }
    /// <summary>Why it takes no work although it is connected; empty: it does, or it is not connected.</summary>
    [Id(11)] public string Cordoned { get; init; } = "";
    /// <summary>The node's durable epoch, and which activation of its grain speaks.</summary>
    [Id(12)] public long Epoch { get; init; }
    [Id(13)] public string Activation { get; init; } = "";
    /// <summary>
    /// For a moment it takes nothing new: it looks into what became of attempts of before. It stays in the pool, and what it is kept for stays so.
    /// </summary>
    [Id(14)] public bool IsSettling { get; init; }
    /// <summary>How many more tasks of others than its owner it may take now, room or not; null: as many as fit.</summary>
    [Id(15)] public int? OthersLeft { get; init; }

    /// <summary>
    /// Whether this is to be believed after that. Which of two activations spoke later nobody can say, their clocks least of all: another one's word
    /// is news, and what was a late word of the older one is put right by the newer one's next.
    /// </summary>
    public bool IsNewsAfter(NodeView known) => Epoch != known.Epoch ? Epoch > known.Epoch : Activation != known.Activation || Version > known.Version;

    /// <summary>The same without the doubt: false between two activations of one epoch.</summary>
    public bool IsSurelyAfter(NodeView known) => Epoch != known.Epoch ? Epoch > known.Epoch : Activation == known.Activation && Version > known.Version;
}

/// <summary>A reservation on a node: what it holds, for whom, and when it is over at the latest.</summary>
[GenerateSerializer, Alias("HiveMind.RunningTask"), Immutable]
public sealed record RunningTask(
    [property: Id(0)] string TaskId, [property: Id(1)] string UserId, [property: Id(2)] TaskPriority Priority, [property: Id(3)] ResourceRequest Resources,
    [property: Id(4)] DateTimeOffset EndsBy);

[GenerateSerializer, Alias("HiveMind.TaskOffer"), Immutable]
public sealed record TaskOffer([property: Id(0)] PendingTask Task);

/// <summary>The answer to an offer: what became of each task, and the node's view after it.</summary>
[GenerateSerializer, Alias("HiveMind.OfferResult"), Immutable]
public sealed record OfferResult([property: Id(0)] IReadOnlyList<OfferAnswer> Answers, [property: Id(1)] NodeView? View);

[GenerateSerializer, Alias("HiveMind.OfferAnswer"), Immutable]
public sealed record OfferAnswer([property: Id(0)] string TaskId, [property: Id(1)] OfferAnswerKind Kind);

/// <summary>
/// Granted, or: NoRoom and Unreachable (still waits), NotPending (the task's record says it waits no more), TryAgain (nobody knows, or its account is
/// shut out and it is about to be cancelled), NoCredit (it waits until its account's balance covers what its tasks may cost).
/// </summary>
public enum OfferAnswerKind { Granted = 0, NoRoom = 1, NotPending = 2, TryAgain = 3, NoCredit = 4 }

/// <summary>Which kind of no. Reason is a stable upper-case word, Text a sentence.</summary>
[GenerateSerializer, Alias("HiveMind.WaitReason"), Immutable]
public sealed record WaitReason([property: Id(0)] string Reason, [property: Id(1)] string Text);

/// <summary>How a task's wait may end: not on these nodes; when room is free; when something that holds it back is over; it is about to.</summary>
public enum WaitKind { None = 0, Infeasible = 1, Waiting = 2, Held = 3, Starting = 4 }

/// <summary>All that is known of why a task waits.</summary>
[GenerateSerializer, Alias("HiveMind.TaskExplanation"), Immutable]
public sealed record TaskExplanation([property: Id(0)] WaitKind Kind, [property: Id(1)] string Reason, [property: Id(2)] string Text)
{
    /// <summary>Its own submitter's tasks that go before it.</summary>
    [Id(3)] public int OwnAhead { get; init; }
    /// <summary>Accounts with waiting tasks whose turn is before its submitter's now.</summary>
    [Id(4)] public int AccountsAhead { get; init; }
    /// <summary>When its start is expected; null: nothing is known to tell it from.</summary>
    [Id(5)] public DateTimeOffset? ExpectedStart { get; init; }
    /// <summary>What the expectation rests on, as a sentence.</summary>
    [Id(6)] public string Basis { get; init; } = "";
    /// <summary>The node that is being kept free, for this task or for one that goes before it; empty: none.</summary>
    [Id(7)] public string ReservedNode { get; init; } = "";
    /// <summary>For which task it is kept: only told when it is the same submitter's.</summary>
    [Id(8)] public string ReservedFor { get; init; } = "";
    /// <summary>When that node has room for it at the latest, by the run timeouts of what runs there.</summary>
    [Id(9)] public DateTimeOffset? ReservedBy { get; init; }
    /// <summary>The connected node that comes nearest to what it asks for; empty: none is connected.</summary>
    [Id(10)] public string NearestNode { get; init; } = "";
    /// <summary>What that node lacks, one sentence each.</summary>
    [Id(11)] public IReadOnlyList<string> Lacks { get; init; } = [];
    /// <summary>Not before then; null: nothing holds it back until a time.</summary>
    [Id(12)] public DateTimeOffset? HeldUntil { get; init; }
}

/// <summary>What one account has in the pool: tasks that wait, that hold room, and the cores (thousandths) of these.</summary>
[GenerateSerializer, Alias("HiveMind.UserLoad"), Immutable]
public sealed record UserLoad([property: Id(0)] int Waiting, [property: Id(1)] int Running, [property: Id(2)] long MilliCores);

[GenerateSerializer, Alias("HiveMind.SchedulerCounts"), Immutable]
public sealed record SchedulerCounts([property: Id(0)] int Pending, [property: Id(1)] int Nodes);
