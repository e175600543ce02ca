using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>
/// What is held of the submitter's balance for an open task, as it was at the submit: of all runs that may be paid, of one of them, and how many
/// they are. What is held later follows from it and from the attempts (`HoldRule`).
/// </summary>
[GenerateSerializer, Alias("HiveMind.TaskHold"), Immutable]
public sealed record TaskHold([property: Id(0)] long Micros, [property: Id(1)] long RunMicros, [property: Id(2)] int Runs)
{
    public static readonly TaskHold Nothing = new(0, 0, 1);
}
