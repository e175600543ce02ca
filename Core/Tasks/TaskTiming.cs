using HiveMind.Rewards;

namespace HiveMind.Tasks;

/// <summary>What a pool has laid down for all tasks.</summary>
public sealed record TaskPolicy(RewardRates Rates, int MaxAttempts, int CrashLimit)
{
    public static TaskPolicy From(HubOptions options) => new(RewardRates.From(options.Rewards), options.Tasks.MaxAttempts, options.Tasks.CrashLimit);
}

/// <summary>
/// What the end of an attempt is decided by, beside the record: which task, when, when its program was heard to begin, and how long all that
/// has lasted by the monotonic clock. A duration that is null has not been measured: it follows from the moments, as where one clock tells all.
/// </summary>
public sealed record TaskTiming(string TaskId, DateTimeOffset Now, DateTimeOffset? StartedAt, TaskPolicy Policy)
{
    /// <summary>Since its submit.</summary>
    public TimeSpan? Age { get; init; }
    /// <summary>Since its program was heard to begin.</summary>
    public TimeSpan? Ran { get; init; }
    /// <summary>Since its grant, or since the hub has known of that.</summary>
    public TimeSpan? Held { get; init; }
    /// <summary>True: the last two are from when the hub came to know of it, and it may have run longer.</summary>
    public bool IsPartial { get; init; }
    /// <summary>Which clock the attempt that begins now is measured by, and what it shows.</summary>
    public ClockReading Reading { get; init; }

    public TimeSpan AgeOf(TaskRecord task) => Age ?? Now - task.CreatedAt;
    public TimeSpan HeldOf(AttemptRecord attempt) => Held ?? Now - attempt.AssignedAt;
    /// <summary>Null: its start was not heard.</summary>
    public TimeSpan? RanOf() => Ran ?? Now - StartedAt;
}
