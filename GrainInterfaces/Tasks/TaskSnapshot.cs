using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>A task as it is shown.</summary>
[GenerateSerializer, Alias("HiveMind.TaskSnapshot"), Immutable]
public sealed record TaskSnapshot
{
    [Id(0)] public required string TaskId { get; init; }
    [Id(1)] public required TaskSpec Spec { get; init; }
    [Id(2)] public required TaskState State { get; init; }
    /// <summary>Why it failed; for a pending task the scheduler says why (the gateway asks it).</summary>
    [Id(3)] public string Reason { get; init; } = "";
    [Id(4)] public string ErrorMessage { get; init; } = "";
    [Id(5)] public required DateTimeOffset CreatedAt { get; init; }
    [Id(6)] public DateTimeOffset? StartedAt { get; init; }
    [Id(7)] public DateTimeOffset? EndedAt { get; init; }
    [Id(8)] public string? NodeId { get; init; }
    [Id(9)] public IReadOnlyList<AttemptSnapshot> Attempts { get; init; } = [];
    [Id(10)] public int MaxAttempts { get; init; }
    [Id(11)] public int ExitCode { get; init; }
    [Id(12)] public BlobRef Result { get; init; } = BlobRef.Empty;
    [Id(13)] public BlobRef Stderr { get; init; } = BlobRef.Empty;
    [Id(14)] public long CostMicros { get; init; }
    [Id(15)] public int TermSignal { get; init; }

    /// <summary>Its program ended by itself: there is an exit code.</summary>
    public bool HasExitCode => Causes.HasExitCode(State == TaskState.Completed ? Causes.Completed : Reason, TermSignal);
}
