using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>An attempt as the worker holds it.</summary>
[GenerateSerializer, Alias("HiveMind.AttemptReport"), Immutable]
public sealed record AttemptReport([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] bool Started);
