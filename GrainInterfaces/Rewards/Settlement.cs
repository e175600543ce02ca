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
