namespace HiveMind.Tasks;

/// <summary>A task as its owner sees it in a short list.</summary>
public sealed record OwnTask
{
    public required string TaskId { get; init; }
    public required string TaskType { get; init; }
    public required TaskState State { get; init; }
    /// <summary>Why it waits or how it failed, as a sentence; empty where there is nothing to say.</summary>
    public string Why { get; init; } = "";
    /// <summary>The node of the last attempt; empty before the first.</summary>
    public string NodeId { get; init; } = "";
    public int Attempts { get; init; }
    public required DateTimeOffset CreatedAt { get; init; }
    /// <summary>When the last attempt began.</summary>
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public long CostMicros { get; init; }
}
