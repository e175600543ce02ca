using Orleans.Concurrency;

namespace HiveMind.Scheduling;

[GenerateSerializer, Alias("HiveMind.SchedulerCounts"), Immutable]
public sealed record SchedulerCounts([property: Id(0)] int Pending, [property: Id(1)] int Nodes);
