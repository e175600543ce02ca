using Orleans.Concurrency;

namespace HiveMind.Scheduling;

[GenerateSerializer, Alias("HiveMind.OfferAnswer"), Immutable]
public sealed record OfferAnswer([property: Id(0)] string TaskId, [property: Id(1)] OfferAnswerKind Kind);
