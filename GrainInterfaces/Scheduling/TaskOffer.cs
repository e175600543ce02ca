using Orleans.Concurrency;

namespace HiveMind.Scheduling;

[GenerateSerializer, Alias("HiveMind.TaskOffer"), Immutable]
public sealed record TaskOffer([property: Id(0)] PendingTask Task);
