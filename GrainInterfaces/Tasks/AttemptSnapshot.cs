using Orleans.Concurrency;

namespace HiveMind.Tasks;

[GenerateSerializer, Alias("HiveMind.AttemptSnapshot"), Immutable]
public sealed record AttemptSnapshot(
    [property: Id(0)] int Attempt, [property: Id(1)] string NodeId, [property: Id(2)] DateTimeOffset AssignedAt, [property: Id(3)] DateTimeOffset? StartedAt,
    [property: Id(4)] DateTimeOffset? EndedAt, [property: Id(5)] string Cause, [property: Id(6)] long RunMs, [property: Id(7)] long CostMicros)
{
    [Id(8)] public int ExitCode { get; init; }
    /// <summary>As its worker measured it; 0: not known.</summary>
    [Id(9)] public long MemoryPeakMb { get; init; }
    [Id(10)] public long CpuMs { get; init; }
    [Id(11)] public int TermSignal { get; init; }

    /// <summary>Its program ended by itself: there is an exit code.</summary>
    public bool HasExitCode => Causes.HasExitCode(Cause, TermSignal);
}
