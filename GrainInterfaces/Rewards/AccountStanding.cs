using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>Micro-credits; the rest is what its open tasks take.</summary>
[GenerateSerializer, Alias("HiveMind.AccountStanding"), Immutable]
public sealed record AccountStanding(
    [property: Id(0)] long BalanceMicros, [property: Id(1)] long HeldMicros, [property: Id(2)] int OpenTasks, [property: Id(3)] long PayloadBytes)
{
    /// <summary>False: it was shut out, and none of its tasks starts any more.</summary>
    [Id(4)] public bool IsActive { get; init; } = true;
    public long FreeMicros => BalanceMicros - HeldMicros;
    /// <summary>False: credits were taken away since, and its tasks may cost more than it has.</summary>
    public bool IsCovered => FreeMicros >= 0 || HeldMicros == 0;
}
