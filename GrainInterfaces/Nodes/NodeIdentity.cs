using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.NodeIdentity"), Immutable]
public sealed record NodeIdentity([property: Id(0)] string NodeId, [property: Id(1)] string OwnerId);
