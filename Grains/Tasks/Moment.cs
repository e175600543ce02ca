using HiveMind.Rewards;

namespace HiveMind.Tasks;

/// <summary>What a pool has laid down for all tasks.</summary>
public sealed record TaskPolicy(RewardRates Rates, int MaxAttempts, int CrashLimit)
{
    public static TaskPolicy From(HubOptions options) => new(RewardRates.From(options.Rewards), options.Tasks.MaxAttempts, options.Tasks.CrashLimit);
}

/// <summary>What the end of an attempt is decided by, beside the record: which task, when, and when its program was heard to begin.</summary>
public sealed record Moment(string TaskId, DateTimeOffset Now, DateTimeOffset? StartedAt, TaskPolicy Policy);
