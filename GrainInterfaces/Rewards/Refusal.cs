using Orleans.Concurrency;

namespace HiveMind.Rewards;

[GenerateSerializer, Alias("HiveMind.Refusal"), Immutable]
public sealed record Refusal([property: Id(0)] FailureKind Kind, [property: Id(1)] string Reason, [property: Id(2)] string Message);
