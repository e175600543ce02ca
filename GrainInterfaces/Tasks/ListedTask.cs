namespace HiveMind.Tasks;

/// <summary>A task as a list shows it.</summary>
public sealed record ListedTask
{
    public required TaskKey Key { get; init; }
    public required string UserId { get; init; }
    public required string TaskType { get; init; }
    public required TaskState State { get; init; }
    public string Reason { get; init; } = "";
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public string? NodeId { get; init; }
    public int Attempts { get; init; }
    public long CostMicros { get; init; }
}
