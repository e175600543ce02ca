using Orleans.Concurrency;

namespace HiveMind.Nodes;

[GenerateSerializer, Alias("HiveMind.NodeRegistered"), Immutable]
public sealed record NodeRegistered([property: Id(0)] string NodeId, [property: Id(1)] string NodeToken);
