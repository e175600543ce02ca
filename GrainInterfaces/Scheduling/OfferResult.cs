using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>The answer to an offer: what became of each task, and the node's view after it.</summary>
[GenerateSerializer, Alias("HiveMind.OfferResult"), Immutable]
public sealed record OfferResult([property: Id(0)] IReadOnlyList<OfferAnswer> Answers, [property: Id(1)] NodeView? View);
