using HiveMind.Scheduling;
using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>What decides whether a task is let in.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAsk"), Immutable]
public sealed record TaskAsk(
    [property: Id(0)] string TaskId, [property: Id(1)] ResourceRequest Resources, [property: Id(2)] TimeSpan RunTimeout, [property: Id(3)] TimeSpan TotalTimeout,
    [property: Id(4)] RetrySpec Retry, [property: Id(5)] long PayloadBytes)
{
    /// <summary>It runs on machines of its own account only: what it costs is paid to itself, so nothing is held for it.</summary>
    [Id(6)] public bool OnOwnMachines { get; init; }
    [Id(7)] public bool IsUrgent { get; init; }
}
