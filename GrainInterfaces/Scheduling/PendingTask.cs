using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Scheduling;

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
