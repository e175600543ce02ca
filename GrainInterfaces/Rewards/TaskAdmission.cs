using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>The hold (null where no balance is asked), or why not.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAdmission"), Immutable]
public sealed record TaskAdmission([property: Id(0)] TaskHold? Hold, [property: Id(1)] Refusal? Refusal = null)
{
    /// <summary>It was not open, as far as is known, nor on its way.</summary>
    [Id(2)] public bool IsNew { get; init; }
}
