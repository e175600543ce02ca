using Orleans.Concurrency;

namespace HiveMind.Scheduling;

/// <summary>Which kind of no. Reason is a stable upper-case word, Text a sentence.</summary>
[GenerateSerializer, Alias("HiveMind.WaitReason"), Immutable]
public sealed record WaitReason([property: Id(0)] string Reason, [property: Id(1)] string Text);
