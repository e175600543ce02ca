using HiveMind.Tasks;

namespace HiveMind.Rewards;

/// <summary>What an ended task leaves in the database: one history row and a pair of postings for each attempt that is paid.</summary>
[GenerateSerializer, Alias("HiveMind.Settlement"), Immutable]
public sealed record Settlement(
    [property: Id(0)] string TaskId, [property: Id(1)] string UserId, [property: Id(2)] string TaskType, [property: Id(3)] TaskState State,
    [property: Id(4)] string Reason, [property: Id(5)] DateTimeOffset CreatedAt, [property: Id(6)] DateTimeOffset? StartedAt,
    [property: Id(7)] DateTimeOffset EndedAt, [property: Id(8)] string? NodeId, [property: Id(9)] int Attempts, [property: Id(10)] string ResultSha256,
    [property: Id(11)] long ResultSize, [property: Id(12)] IReadOnlyList<AttemptDue> Dues)
{
    /// <summary>Of the standard error, beside the result's: both are files that the history keeps from the collector.</summary>
    [Id(13)] public string StderrSha256 { get; init; } = "";
    [Id(14)] public long StderrSize { get; init; }
}

/// <summary>One attempt that ran: what it ran (ms), and what payer owes payee (micro-credits, 0 when not paid).</summary>
[GenerateSerializer, Alias("HiveMind.AttemptDue"), Immutable]
public sealed record AttemptDue(
    [property: Id(0)] int Attempt, [property: Id(1)] string NodeId, [property: Id(2)] string PayerId, [property: Id(3)] string PayeeId,
    [property: Id(4)] long Micros, [property: Id(5)] long RunMs, [property: Id(6)] bool Completed);

public sealed record NodeTotals(long Completed, long Failed, double MeanSeconds, long EarnedMicros);

public sealed record PoolTotals(long Completed, double MeanSeconds);

/// <summary>Micro-credits: a millionth of a credit, so that sums are exact.</summary>
public static class Credits
{
    public const long Micro = 1_000_000;
    /// <summary>The most that one posting may move.</summary>
    public const long MostMicros = 1_000_000_000_000_000;
    public static double ToCredits(long micros) => micros / (double)Micro;
}
