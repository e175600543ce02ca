using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.NodeWelcome"), Immutable]
public sealed record NodeWelcome([property: Id(0)] long Epoch, [property: Id(1)] TimeSpan HeartbeatInterval, [property: Id(2)] TimeSpan WorkerLease);
