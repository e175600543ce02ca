using CsCheck;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Rewards;

/// <summary>What is held for a task is the most that it can cost, whatever becomes of it.</summary>
public sealed class HoldRuleTests
{
    private const int PoolAttempts = 5;
    private static readonly RewardRates Rates = new(1, 0.1m, 10);
    private static readonly DateTimeOffset Start = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    private static TaskAsk Ask(RetrySpec? retry = null, int total = 0, bool own = false) => new(
        "00112233445566778899aabbccddeeff", new ResourceRequest(1000, 256, 0), TimeSpan.FromHours(1), TimeSpan.FromSeconds(total), retry ?? RetrySpec.Default, 0)
    {
        OnOwnMachines = own,
    };

    [Fact]
    public void Of_ADefaultTask_IsOneRunOfAnHour() => Assert.Equal(new TaskHold(1_025_000, 1_025_000, 1), HoldRule.Of(Ask(), Rates, PoolAttempts));

    [Fact]
    public void Of_ALostMachineOnly_IsOneRun() => Assert.Equal(1, HoldRule.Of(Ask(new() { MaxAttempts = 4 }), Rates, PoolAttempts).Runs);

    [Fact]
    public void Of_RetriesOfTheProgramsEnds_IsAsManyRunsAsMayBePaid()
    {
        Assert.Equal((5, 5_125_000), Runs(new() { AnyFailure = true }));
        Assert.Equal((3, 3_075_000), Runs(new() { ExitCodes = [7], MaxAttempts = 3 }));
        Assert.Equal((5, 5_125_000), Runs(new() { OnTimeout = true, MaxAttempts = 20 }));

        static (int, long) Runs(RetrySpec retry) => HoldRule.Of(Ask(retry), Rates, PoolAttempts) is var hold ? (hold.Runs, hold.Micros) : default;
    }

    [Fact]
    public void Of_ATotalTimeout_IsNoMoreThanThatTimeCosts() =>
        Assert.InRange(HoldRule.Of(Ask(new() { AnyFailure = true }, total: 5400), Rates, PoolAttempts).Micros, 1_537_500, 1_537_510);

    [Fact]
    public void Of_OnOwnMachines_IsNothing() => Assert.Equal(0, HoldRule.Of(Ask(own: true), Rates, PoolAttempts).Micros);

    /// <summary>Any life of any task: it never costs more than was held, what is held only shrinks, and it always covers what is owed and may follow.</summary>
    [Fact]
    public void Held_InAnyLife_CoversWhatItCosts() => Gen.Select(
        Gen.Select(Gen.Int[1, 5000], Gen.Int[0, 4096], Gen.Int[1, 7200], Gen.Int[0, 20_000]), Gen.Select(Gen.Bool, Gen.Bool, Gen.Int[0, 7]),
        Gen.Select(Gen.Int[0, 6], Gen.Int[0, 9_000_000], Gen.Bool).List[1, 40]).Sample((size, asked, steps) =>
    {
        var retry = new RetrySpec { AnyFailure = asked.Item1, OnTimeout = asked.Item2, MaxAttempts = asked.Item3 };
        var spec = new TaskSpec
        {
            UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new(size.Item1, size.Item2, 0), RunTimeout = TimeSpan.FromSeconds(size.Item3),
            TotalTimeout = TimeSpan.FromSeconds(size.Item4), Retry = retry,
        };
        var ask = Ask() with { Resources = spec.Resources, RunTimeout = spec.RunTimeout, TotalTimeout = spec.TotalTimeout, Retry = retry };
        var hold = HoldRule.Of(ask, Rates, PoolAttempts);
        var (task, now, held) = (TaskLifecycle.Birth(spec with { Hold = hold }, Start), Start, hold.Micros);
        foreach (var (kind, ms, started) in steps)
        {
            // The rates have risen since: what was agreed at the submit counts.
            var policy = new TaskPolicy(Rates with { CoreHour = 1.5m }, PoolAttempts, 3);
            now = now.AddMilliseconds(ms);
            task = TaskLifecycle.Grant(task, $"n{kind}", "owner", 1, now) ?? task;
            var at = new TaskTiming("t", now.AddMilliseconds(ms), started ? now : null, policy);
            if (task.Current is { } current)
                task = kind switch
                {
                    0 => TaskLifecycle.Lose(task, Causes.NodeLost, started, "", at),
                    1 => TaskLifecycle.Cancel(task, at)!,
                    2 => TaskLifecycle.Overdue(task, at) ?? task,
                    3 => TaskLifecycle.End(task, Report(current.Number, Causes.Completed), at),
                    4 => TaskLifecycle.End(task, Report(current.Number, Causes.WorkerFault), at),
                    5 => TaskLifecycle.End(task, Report(current.Number, Causes.RunTimeout), at),
                    _ => TaskLifecycle.End(task, Report(current.Number, Causes.ProgramFailed), at),
                };
            var owed = task.Attempts.Sum(attempt => attempt.DueMicros);
            if (owed > hold.Micros) return false;
            if (task.IsEnded) return HoldRule.Held(task) == 0;
            if (HoldRule.Held(task) < owed || HoldRule.Held(task) > held) return false;
            held = HoldRule.Held(task);
            if (task.ToPending("t").HoldMicros != held) return false;
        }

        return true;
    });

    private static TaskOutcomeReport Report(int attempt, string cause) => new() { TaskId = "t", Attempt = attempt, Cause = cause, ExitCode = 1 };
}
