using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>One start of a worker's process, and those before it on its machine that are surely dead.</summary>
[GenerateSerializer, Alias("HiveMind.WorkerStart"), Immutable]
public sealed record WorkerStart([property: Id(0)] string Id, [property: Id(1)] IReadOnlyList<string> Succeeds);
