using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

/// <summary>After which ends another attempt follows, when, and at whose cost.</summary>
public sealed class RetryTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TaskPolicy Policy = new(new RewardRates(1, 0.1m, 10), 5, 3);

    [Theory]
    [InlineData(Causes.ProgramFailed, 75, TaskState.Pending)]
    [InlineData(Causes.ProgramFailed, 76, TaskState.Failed)]
    [InlineData(Causes.OutOfMemory, 75, TaskState.Pending)]
    [InlineData(Causes.OutOfMemory, 0, TaskState.Failed)]
    [InlineData(Causes.OutputTooLarge, 0, TaskState.Failed)]
    [InlineData(Causes.RunTimeout, 0, TaskState.TimedOut)]
    [InlineData(Causes.Completed, 0, TaskState.Completed)]
    public void End_ExitCodesAreRetryable_OnlyThese(string cause, int code, TaskState state) =>
        Assert.Equal(state, End(Granted(new() { ExitCodes = [1, 75] }), cause, code).State);

    [Theory]
    [InlineData(Causes.ProgramFailed, 1, TaskState.Pending)]
    [InlineData(Causes.OutOfMemory, 0, TaskState.Pending)]
    [InlineData(Causes.OutOfDisk, 0, TaskState.Pending)]
    [InlineData(Causes.OutputTooLarge, 0, TaskState.Pending)]
    [InlineData(Causes.RunTimeout, 0, TaskState.TimedOut)]
    [InlineData(Causes.Completed, 0, TaskState.Completed)]
    public void End_AnyFailureIsRetryable_AllButTheTimeout(string cause, int code, TaskState state) =>
        Assert.Equal(state, End(Granted(new() { AnyFailure = true }), cause, code).State);

    [Theory]
    [InlineData(Causes.RunTimeout, TaskState.Pending)]
    [InlineData(Causes.ProgramFailed, TaskState.Failed)]
    public void End_TimeoutIsRetryable_NothingElse(string cause, TaskState state) =>
        Assert.Equal(state, End(Granted(new() { OnTimeout = true }), cause, 1).State);

    [Fact]
    public void End_Retried_IsPaidAndKeepsWhatItUsed()
    {
        var report = new TaskOutcomeReport { TaskId = "t", Attempt = 1, Cause = Causes.ProgramFailed, ExitCode = 75, MemoryPeakMb = 12, CpuMs = 340 };
        var again = TaskLifecycle.End(Granted(new() { ExitCodes = [75] }), report, At(10, started: 0));

        var attempt = Assert.Single(again.Attempts);
        Assert.Equal((75, 12, 340, 10_000, true), (attempt.ExitCode, attempt.MemoryPeakMb, attempt.CpuMs, attempt.RunMs, attempt.Counts));
        Assert.Equal(RewardFormula.Micros(again.Spec!.Resources, 10_000, Policy.Rates), attempt.DueMicros);
        Assert.Null(again.Outcome);
    }

    [Theory]
    [InlineData(0, 5)]
    [InlineData(2, 2)]
    [InlineData(20, 5)]
    public void End_LastAttempt_IsTheOutcomeWithItsExitCode(int asked, int attempts)
    {
        var task = Granted(new() { AnyFailure = true, MaxAttempts = asked });
        for (var attempt = 1; attempt < attempts; attempt++) task = Again(End(task, Causes.ProgramFailed, 75, attempt));

        task = End(task, Causes.ProgramFailed, 75, attempts);

        Assert.Equal((TaskState.Failed, Causes.ProgramFailed, 75, attempts), (task.State, task.Outcome!.Reason, task.Outcome.ExitCode, task.Attempts.Count));
        Assert.Equal(attempts, RetryPolicy.MaxAttempts(task.Spec!.Retry, Policy.MaxAttempts));
    }

    [Fact]
    public void End_NoTimeLeftForAnother_IsTheOutcome()
    {
        var task = Granted(new() { AnyFailure = true }, spec => spec with { TotalTimeout = TimeSpan.FromSeconds(10.4) });
        Assert.Equal(TaskState.Pending, End(task, Causes.ProgramFailed, 75, now: 9).State);
        Assert.Equal((TaskState.Failed, Causes.ProgramFailed), End(task, Causes.ProgramFailed, 75, now: 10) is var ended ? (ended.State, ended.Outcome!.Reason) : default);
    }

    [Fact]
    public void Lose_NotRetryable_FailsAtTheFirstMachine()
    {
        var ended = Lose(Granted(new() { OnLostNode = false }));
        Assert.Equal((TaskState.Failed, Causes.NodeLost), (ended.State, ended.Outcome!.Reason));
        Assert.Contains("n1", ended.Outcome.ErrorMessage);
        Assert.Equal(TaskState.Failed, Lose(Granted(new() { OnLostNode = false }), Causes.NodeRemoved, counts: false).State);
    }

    [Theory]
    [InlineData(Causes.NodeLost, false)] // never handed over: nothing of it can have run
    [InlineData(Causes.WorkerFault, true)]
    [InlineData(Causes.WorkerRefused, true)]
    public void Lose_NotRetryableButItDidNotRun_WaitsAgain(string cause, bool counts) =>
        Assert.Equal(TaskState.Pending, Lose(Granted(new() { OnLostNode = false }), cause, counts).State);

    [Fact]
    public void Lose_ThreeDifferentMachines_IsTheCrashLimitAndNamesThem()
    {
        var task = Granted(RetrySpec.Default);
        task = Again(Lose(task), "n1");
        task = Again(Lose(task), "n2");
        task = Again(Lose(task), "n4");
        task = Again(Lose(task, Causes.NodeRemoved, counts: false), "n3");
        task = Lose(task);

        Assert.Equal((TaskState.Failed, Causes.CrashLimit), (task.State, task.Outcome!.Reason));
        Assert.Contains("3 machines", task.Outcome.ErrorMessage);
        Assert.Contains("n1, n2, n3", task.Outcome.ErrorMessage);
        Assert.Equal(Causes.NodeLost, task.Attempts[^1].Cause);
    }

    [Fact]
    public void Lose_RemovedMachinesOrOneAndTheSame_AreNoCrashLimit()
    {
        var task = Granted(RetrySpec.Default);
        foreach (var node in new[] { "n2", "n3", "n4", "n5" }) task = Again(Lose(task, Causes.NodeRemoved, counts: false), node);
        Assert.Equal(TaskState.Assigned, task.State);

        task = Granted(RetrySpec.Default);
        for (var i = 1; i < Policy.MaxAttempts; i++) task = Again(Lose(task), "n1");
        Assert.Equal((TaskState.Failed, Causes.NodeLost), Lose(task) is var ended ? (ended.State, ended.Outcome!.Reason) : default);
    }

    [Fact]
    public void Lose_CrashLimitOff_TakesAllAttempts()
    {
        var off = Policy with { CrashLimit = 0 };
        var task = Granted(RetrySpec.Default);
        for (var i = 1; i <= Policy.MaxAttempts; i++)
        {
            task = TaskLifecycle.Lose(task, Causes.NodeLost, true, "", new("t", Start, null, off));
            if (i < Policy.MaxAttempts) task = Again(task, $"n{i + 1}");
        }

        Assert.Equal(Causes.NodeLost, task.Outcome!.Reason);
    }

    [Fact]
    public void Pause_GrowsToAMinuteAndIsTheSameAgain()
    {
        for (var counted = 1; counted <= 20; counted++)
        {
            var whole = Math.Min(60, Math.Pow(2, counted - 1));
            Assert.InRange(RetryPolicy.Pause("t", counted, counted, lost: false).TotalSeconds, whole / 2, whole);
            Assert.Equal(RetryPolicy.Pause("t", counted, counted, lost: false), RetryPolicy.Pause("t", counted, counted, lost: false));
            Assert.Equal(RetryPolicy.Pause("t", 7, counted, lost: false), RetryPolicy.Pause("t", 7, counted + 1, lost: true));
        }

        Assert.Equal(TimeSpan.Zero, RetryPolicy.Pause("t", 1, 1, lost: true));
        Assert.Equal(TimeSpan.Zero, RetryPolicy.Pause("t", 1, 0, lost: true));
    }

    [Fact]
    public void Pause_OfManyThatFailedTogether_IsSpread()
    {
        var pauses = Enumerable.Range(0, 1000).Select(i => RetryPolicy.Pause($"task-{i}", 4, 4, lost: false).TotalSeconds).ToList();
        // 4 to 8 s: every quarter of that has about a quarter of them.
        for (var quarter = 4.0; quarter < 8; quarter++) Assert.InRange(pauses.Count(pause => pause >= quarter && pause < quarter + 1), 180, 320);
    }

    [Fact]
    public void IsRepeated_ARetriedReportAgain_IsKnownButNoOther()
    {
        var task = Again(End(Granted(new() { ExitCodes = [75] }), Causes.ProgramFailed, 75));
        var report = new TaskOutcomeReport { TaskId = "t", Attempt = 1, Cause = Causes.ProgramFailed, ExitCode = 75 };

        Assert.True(TaskLifecycle.IsRepeated(task, "n1", report));
        Assert.False(TaskLifecycle.IsRepeated(task, "n1", report with { ExitCode = 74 }));
        Assert.False(TaskLifecycle.IsRepeated(task, "n1", report with { Cause = Causes.Completed, ExitCode = 0 }));
        Assert.False(TaskLifecycle.IsRepeated(task, "n1", report with { Attempt = 2 }));
        Assert.False(TaskLifecycle.IsRepeated(task, "n9", report));
    }

    [Fact]
    public void SameContent_AnotherRetryOrDeadline_IsAnotherTask()
    {
        var spec = Granted(new() { ExitCodes = [75] }).Spec!;
        Assert.True(TaskLifecycle.SameContent(spec, spec with { Retry = new() { ExitCodes = [75] }, Role = "admin" }));
        TaskSpec[] others =
        [
            spec with { Retry = new() { ExitCodes = [75, 76] } }, spec with { Retry = spec.Retry with { AnyFailure = true } },
            spec with { Retry = spec.Retry with { OnTimeout = true } }, spec with { Retry = spec.Retry with { OnLostNode = false } },
            spec with { Retry = spec.Retry with { MaxAttempts = 2 } }, spec with { QueueDeadline = TimeSpan.FromSeconds(1) },
            spec with { TotalTimeout = TimeSpan.FromSeconds(1) },
        ];
        Assert.All(others, other => Assert.False(TaskLifecycle.SameContent(spec, other)));
    }

    [Fact]
    public void SameContent_AnyOtherContent_IsAnotherTask()
    {
        var spec = Granted(new()).Spec! with { Arguments = ["a", "b"], Environment = ["A=1"], StandardInput = [1] };
        Assert.True(TaskLifecycle.SameContent(spec, spec with { Arguments = ["a", "b"], Environment = ["A=1"], StandardInput = [1] }));
        TaskSpec[] others =
        [
            spec with { Arguments = ["b", "a"] }, spec with { Arguments = ["a"] }, spec with { Environment = ["A=2"] }, spec with { StandardInput = [2] },
            spec with { UserId = "v" }, spec with { TaskType = "shell" }, spec with { Priority = TaskPriority.High }, spec with { Labels = "zone=a" },
            spec with { Resources = spec.Resources with { DiskMb = 1 } }, spec with { RunTimeout = TimeSpan.FromMinutes(6) }, spec with { MaxOutputMb = 7 },
            spec with { Grace = TimeSpan.FromSeconds(7) }, spec with { Lease = TimeSpan.FromMinutes(7) },
            spec with { Payload = BlobRef.Empty with { Sha256 = "other" } }, spec with { StandardInputFile = BlobRef.Empty with { Sha256 = "other" } },
        ];
        Assert.All(others, other => Assert.False(TaskLifecycle.SameContent(spec, other)));
    }

    [Fact]
    public void IsCurrent_AnotherNodeOrAttempt_IsNot()
    {
        var task = Granted(new());
        Assert.True(TaskLifecycle.IsCurrent(task, "n1", 1));
        Assert.False(TaskLifecycle.IsCurrent(task, "n9", 1));
        Assert.False(TaskLifecycle.IsCurrent(task, "n1", 2));
    }

    private static TaskRecord Granted(RetrySpec retry, Func<TaskSpec, TaskSpec>? with = null)
    {
        var spec = new TaskSpec
        {
            UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new ResourceRequest(2000, 1024, 0),
            RunTimeout = TimeSpan.FromMinutes(5), Retry = retry,
        };
        return TaskLifecycle.Grant(TaskLifecycle.Birth(with?.Invoke(spec) ?? spec, Start), "n1", "o", 1, Start)!;
    }

    private static TaskRecord Again(TaskRecord task, string node = "n1") => TaskLifecycle.Grant(task, node, "o", 1, Start)!;

    private static TaskRecord End(TaskRecord task, string cause, int code, int attempt = 1, double now = 5) =>
        TaskLifecycle.End(task, new TaskOutcomeReport { TaskId = "t", Attempt = attempt, Cause = cause, ExitCode = code }, At(now, started: 0));

    private static TaskRecord Lose(TaskRecord task, string cause = Causes.NodeLost, bool counts = true) =>
        TaskLifecycle.Lose(task, cause, counts, "", At(5, started: 0));

    private static TaskTiming At(double seconds, double? started = null) =>
        new("t", Start.AddSeconds(seconds), started is { } from ? Start.AddSeconds(from) : null, Policy);
}
