using System.Diagnostics;
using System.Globalization;
using HiveMind.Scheduling;
using HiveMind.Simulation;

namespace HiveMind.Tests.Simulation;

/// <summary>The scheduler, the nodes' rules and the tasks' rules under virtual time, with all that can go wrong: `docs/simulation.md`.</summary>
public sealed class SimulatorTests(ITestOutputHelper output)
{
    private const long Steps = 50_000;

    /// <summary>Fixed seeds first, the same in every run; then fresh ones until the time is over.</summary>
    [Fact]
    public void Play_FixedAndFreshSeeds_BreaksNoInvariant()
    {
        var began = Stopwatch.GetTimestamp();
        for (var seed = 1UL; seed <= 12; seed++) Seeds.Play(seed, Steps);
        var fresh = (ulong)TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        var (seeds, steps) = (0, 0L);
        do
        {
            steps += Seeds.Play(fresh + (ulong)seeds++, Steps).Steps;
        }
        while (Stopwatch.GetElapsedTime(began) < Budget);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seeds} fresh seeds from {fresh} on, {steps:N0} steps"));
    }

    [Fact]
    public void Play_SameSeed_IsTheSameHistory()
    {
        var (one, again, other) = (Seeds.Play(3, 20_000), Seeds.Play(3, 20_000), Seeds.Play(4, 20_000));

        Assert.Equal((one.Trace, one.Steps, one.Elapsed), (again.Trace, again.Steps, again.Elapsed));
        Assert.NotEqual(one.Trace, other.Trace);
    }

    /// <summary>A check that never has anything to check finds nothing.</summary>
    [Fact]
    public void Play_AFewSeeds_MeetEverythingThatIsChecked()
    {
        var seen = new WorldFigures();
        for (var seed = 1UL; seed <= 60; seed++) seen.Add(Seeds.Play(seed, 30_000).Figures);

        Assert.All(
            new[]
            {
                seen.Grants, seen.Cancelled, seen.Lost, seen.Stale, seen.Deaths, seen.Freezes, seen.Cuts, seen.SchedulerDeaths, seen.NodeGrainsLost, seen.Adopted,
                seen.Swept, seen.Expired, seen.Cordoned, seen.TakenBack, seen.HubFreezes, seen.HubOutages, seen.Unwanted, seen.ProgressChecks, seen.Promises, seen.BoundsAsked,
            },
            count => Assert.True(count > 0, seen.ToString()));
    }

    [Fact]
    public void Compare_EveryPolicyOnAWorkload_IsNoFasterThanTheLowerBound() => Assert.All(PlacementPolicies.All, policy =>
    {
        var outcome = PolicyComparison.Play(Workload.All[0], policy.Name, seed: 1);

        Assert.InRange(outcome.OfBound, 0.5, 1);
        Assert.InRange(outcome.Fairness, 0.5, 1);
        Assert.InRange(outcome.P99Wait, outcome.MeanWait, outcome.Makespan);
    });

    /// <summary>Seconds; `.ci/run` gives two minutes.</summary>
    private static TimeSpan Budget => TimeSpan.FromSeconds(
        double.TryParse(Environment.GetEnvironmentVariable("HIVEMIND_SIMULATION_SECONDS"), CultureInfo.InvariantCulture, out var seconds) ? seconds : 10);
}
