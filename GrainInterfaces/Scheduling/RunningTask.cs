using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>A reservation on a node: what it holds, for whom, and when it is over at the latest.</summary>
[GenerateSerializer, Alias("HiveMind.RunningTask"), Immutable]
public sealed record RunningTask(
    [property: Id(0)] string TaskId, [property: Id(1)] string UserId, [property: Id(2)] TaskPriority Priority, [property: Id(3)] ResourceRequest Resources,
    [property: Id(4)] DateTimeOffset EndsBy);
