using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// How long an attempt is kept while nothing is heard of its machine, where its task asks for longer than the pool does (ADR 42). The worker keeps the run for as long as was asked,
/// from its last answered heartbeat; the hub waits an eighth longer, in which their clocks may differ, before another attempt begins.
/// </summary>
public static class TaskLease
{
    /// <summary>How long the hub waits, beside the pool's own leases: what is no longer than a worker keeps every run changes nothing.</summary>
    public static TimeSpan OfHub(TimeSpan asked, TimeSpan worker, TimeSpan hub) => Outlasts(asked, worker) ? Later(TaskSpec.KeptFor(asked), asked + (hub - worker)) : hub;

    public static bool Outlasts(TimeSpan asked, TimeSpan worker) => asked > worker;

    /// <summary>How long nothing was heard: as measured here, or since what an earlier activation wrote down, as far as clocks are believed.</summary>
    public static TimeSpan Silence(TimeSpan measured, DateTimeOffset? since, DateTimeOffset now) => since is { } at ? ClockTrust.AtLeast(measured, now - at) : measured;

    private static TimeSpan Later(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
