using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>One answer for each task, in their order; none of them counts when not all got in and all or none were wanted.</summary>
[GenerateSerializer, Alias("HiveMind.Admission"), Immutable]
public sealed record Admission([property: Id(0)] bool IsWhole, [property: Id(1)] IReadOnlyList<TaskAdmission> Tasks);
