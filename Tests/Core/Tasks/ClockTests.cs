using CsCheck;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

/// <summary>
/// Clocks that are set by up to an hour, and processes that end and begin in between: no run is ended early, none is paid more than it ran or
/// less than its worker could measure, nothing waits for an hour.
/// </summary>
public sealed class ClockTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TaskPolicy Policy = new(new RewardRates(1, 0.1m, 10), 5, 3);
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(30);

    private static readonly Gen<(double Ran, double Step, double KnownFor, bool Restarted, bool Heard, double Total)> Histories = Gen.Select(
        Gen.Double[0.01, 1800], Gen.Double[-3600, 3600], Gen.Double[0, 1], Gen.Bool, Gen.Bool, Gen.OneOf(Gen.Const(0.0), Gen.Double[1, 9000]));

    [Fact]
    public void End_AnyStepAndRestart_IsPaidWhatItRan() => Histories.Sample(it =>
    {
        var ended = TaskLifecycle.End(Task(0), new() { TaskId = "t", Attempt = 1, RunMs = (long)(it.Ran * 1000) }, At(it.Ran, it.Step, it.KnownFor, it.Restarted, it.Heard));
        return Math.Abs(ended.Attempts[0].RunMs - Math.Floor(it.Ran * 1000)) <= 1;
    }, iter: 20_000);

    [Fact]
    public void End_WorkerThatClaimsMore_GetsNoMoreThanClocksMayDifferBy() => Histories.Sample(it =>
    {
        var at = At(it.Ran, it.Step, it.KnownFor, it.Restarted, it.Heard);
        var paid = TaskLifecycle.End(Task(0), new() { TaskId = "t", Attempt = 1, RunMs = long.MaxValue }, at).Attempts[0].RunMs / 1000.0;
        return it.Restarted ? paid <= Math.Min(Limit.TotalSeconds, it.Ran + it.Step + 3600) + 0.001 || paid <= it.Ran + 0.001 : paid <= it.Ran + 0.001;
    }, iter: 20_000);

    /// <summary>Start and end of a short run heard in the same moment by a hub that is busy.</summary>
    [Fact]
    public void End_StartIsHeardLate_IsPaidWhatItRan()
    {
        var at = new TaskTiming("t", Start.AddSeconds(1), Start.AddSeconds(1), Policy) { Held = TimeSpan.FromSeconds(1), Ran = TimeSpan.Zero };
        Assert.Equal(300, TaskLifecycle.End(Task(0), new() { TaskId = "t", Attempt = 1, RunMs = 300 }, at).Attempts[0].RunMs);
    }

    [Theory]
    [InlineData(60, 10, 12_000)] // what was heard, and a message's way
    [InlineData(11, 10, 11_000)] // not from before the grant
    public void End_WorkerThatBeganLateClaimsAnHour_GetsLittleMoreThanWasHeard(double held, double ran, long paid)
    {
        var at = new TaskTiming("t", Start.AddSeconds(held), Start.AddSeconds(held - ran), Policy) { Held = TimeSpan.FromSeconds(held), Ran = TimeSpan.FromSeconds(ran) };
        Assert.Equal(paid, TaskLifecycle.End(Task(0), new() { TaskId = "t", Attempt = 1, RunMs = 3_600_000 }, at).Attempts[0].RunMs);
    }

    [Fact]
    public void Overdue_AnyStepAndRestart_NeverEarly() => Histories.Sample(it =>
    {
        var task = Task(it.Total);
        if (TaskLifecycle.Overdue(task, At(it.Ran, it.Step, it.KnownFor, it.Restarted, it.Heard)) is null) return true;
        return it.Ran >= TaskDeadlines.OverdueAfter(task)!.Value.TotalSeconds;
    }, iter: 20_000);

    [Fact]
    public void Cancel_AnyStepAndRestart_IsNeverPaidMoreThanItRan() => Histories.Sample(it =>
        TaskLifecycle.Cancel(Task(0), At(it.Ran, it.Step, it.KnownFor, it.Restarted, it.Heard))!.Attempts[0].RunMs <= it.Ran * 1000 + 1, iter: 20_000);

    [Fact]
    public void AtLeast_AnotherProcess_NoDifferenceWithinAnHourMakesItOlder()
    {
        Gen.Select(Gen.Double[0, 100_000], Gen.Double[-3600, 3600], Gen.Double[0, 1]).Sample((age, step, known) =>
            ClockTrust.AtLeast(TimeSpan.FromSeconds(age * known), TimeSpan.FromSeconds(age + step)) is var told
            && told <= TimeSpan.FromSeconds(age + 0.001) && told >= TimeSpan.FromSeconds(age - 7200.001));
    }

    /// <summary>What a task's grain knows so long after the grant: with a restart in between only its last part, and moments of another clock.</summary>
    private static TaskTiming At(double ran, double step, double knownFor, bool restarted, bool heard)
    {
        var (whole, here) = (TimeSpan.FromSeconds(ran), TimeSpan.FromSeconds(restarted ? ran * knownFor : ran));
        return new("t", Start + whole + TimeSpan.FromSeconds(step), heard ? Start : null, Policy)
        {
            Age = ClockTrust.AtLeast(here, restarted ? whole + TimeSpan.FromSeconds(step) : whole), Held = here, Ran = heard ? here : null, IsPartial = restarted,
        };
    }

    private static TaskRecord Task(double total) => TaskLifecycle.Grant(TaskLifecycle.Birth(new()
    {
        UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new ResourceRequest(2000, 1024, 0), RunTimeout = Limit,
        TotalTimeout = TimeSpan.FromSeconds(total),
    }, Start), "n1", "o", 1, Start)!;
}
