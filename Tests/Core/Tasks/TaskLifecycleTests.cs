using CsCheck;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

public sealed class TaskLifecycleTests
{
    private const int MaxAttempts = 3;
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly RewardRates Rates = new(1, 0.1m, 10);
    private static readonly TaskPolicy Policy = new(Rates, MaxAttempts, 3);

    [Fact]
    public void Grant_WaitingTask_IsTheNextAttempt()
    {
        var granted = Granted();

        Assert.Equal(TaskState.Assigned, granted.State);
        Assert.Equal((1, "n1"), (granted.Current!.Number, granted.Current.NodeId));
    }

    [Fact]
    public void Grant_AssignedTask_IsRefused() => Assert.Null(TaskLifecycle.Grant(Granted(), "n2", "o", 1, Start));

    [Fact]
    public void End_Completed_PaysWhatTheHubMeasured()
    {
        var ended = TaskLifecycle.End(Granted(), Report(1), At(12, started: 2));

        Assert.Equal(TaskState.Completed, ended.State);
        Assert.Equal(10_000, ended.Attempts[0].RunMs);
        Assert.Equal(RewardFormula.Micros(Spec().Resources, 10_000, Rates), ended.Attempts[0].DueMicros);
    }

    [Theory]
    [InlineData(Causes.ProgramFailed, TaskState.Failed, true)]
    [InlineData(Causes.OutOfMemory, TaskState.Failed, true)]
    [InlineData(Causes.OutputTooLarge, TaskState.Failed, true)]
    [InlineData(Causes.OutOfDisk, TaskState.Failed, true)]
    [InlineData(Causes.RunTimeout, TaskState.TimedOut, true)]
    [InlineData(Causes.WorkerFault, TaskState.Pending, false)]
    [InlineData(Causes.WorkerRefused, TaskState.Pending, false)]
    public void End_EachCause_HasItsStateAndItsPay(string cause, TaskState state, bool paid)
    {
        var ended = TaskLifecycle.End(Granted(), Report(1) with { Cause = cause, ExitCode = 1 }, At(5, started: 0));

        Assert.Equal(state, ended.State);
        Assert.Equal(paid, ended.Attempts[0].DueMicros > 0);
        Assert.Equal(state == TaskState.Pending, ended.Outcome is null);
    }

    [Fact]
    public void Lose_LastAttempt_FailsWithItsCause()
    {
        var task = Granted();
        for (var attempt = 1; attempt < MaxAttempts; attempt++)
        {
            task = TaskLifecycle.Lose(task, Causes.NodeLost, true, "", At(0));
            Assert.Equal(TaskState.Pending, task.State);
            task = TaskLifecycle.Grant(task, "n2", "o", 1, Start)!;
        }

        task = TaskLifecycle.Lose(task, Causes.NodeLost, true, "", At(0));

        Assert.Equal((TaskState.Failed, Causes.NodeLost), (task.State, task.Outcome!.Reason));
        Assert.Equal(0, task.Attempts.Sum(attempt => attempt.DueMicros));
    }

    [Fact]
    public void Lose_NotCounted_NeverUsesUpTheAttempts()
    {
        var task = Granted();
        for (var i = 0; i < 10; i++)
            task = TaskLifecycle.Grant(TaskLifecycle.Lose(task, Causes.NodeRemoved, false, "", At(0)), "n", "o", 1, Start)!;

        Assert.Equal(11, task.Current!.Number);
    }

    [Fact]
    public void Lose_NotCountedAgainAndAgain_PausesLongerAndCountsInTheEnd()
    {
        var task = Granted();
        var pauses = new List<TimeSpan>();
        var grants = 1;
        for (; task.State == TaskState.Assigned && grants < 5000; grants++)
        {
            task = TaskLifecycle.Lose(task, Causes.Drained, false, "", At(0));
            if (task.IsEnded) break;
            pauses.Add(task.NotBefore - Start);
            task = TaskLifecycle.Grant(task, "n", "o", 1, Start)!;
        }

        Assert.Equal((TaskState.Failed, TaskLifecycle.MostUncounted + MaxAttempts), (task.State, grants));
        Assert.Equal([TimeSpan.Zero, TimeSpan.Zero], pauses[..2]);
        Assert.All(pauses[2..], pause => Assert.InRange(pause, TimeSpan.FromMilliseconds(500), RetryPolicy.LongestPause));
        Assert.True(pauses[15] > TimeSpan.FromSeconds(25));
    }

    [Fact]
    public void Lose_VeryManyAttempts_RecordStaysSmallAndWhatIsPaidStaysInIt()
    {
        var policy = Policy with { MaxAttempts = 200 };
        var task = TaskLifecycle.Birth(Spec() with { Retry = new() { AnyFailure = true, MaxAttempts = 200 } }, Start);
        TaskTiming at = new("t", Start.AddSeconds(5), Start, policy);
        for (var i = 1; i <= 120; i++)
        {
            task = TaskLifecycle.Grant(task, $"n{i}", "o", 1, Start)!;
            Assert.Equal(i, task.Current!.Number);
            task = i % 3 == 0 ? TaskLifecycle.End(task, Report(i) with { Cause = Causes.ProgramFailed, ExitCode = 1 }, at)
                : TaskLifecycle.Lose(task, Causes.NodeRemoved, false, "", at);
        }

        Assert.Equal(120, task.AttemptsMade);
        Assert.Equal(Enumerable.Range(1, 120).Where(i => i % 3 == 0), task.Attempts.Where(a => a.DueMicros > 0).Select(a => a.Number));
        Assert.Equal(task.Attempts.Select(a => a.Number).Order(), task.Attempts.Select(a => a.Number));
        Assert.All(task.Attempts.Where(a => a is { Counts: false, DueMicros: 0 }), a => Assert.True(a.Number <= 120));
        Assert.InRange(task.Attempts.Count, 50, 120);
        var settled = TaskLifecycle.Cancel(task, at)!.ToSettlement("t");
        Assert.Equal((120, 40), (settled.Attempts, settled.Dues.Count));
    }

    [Fact]
    public void Cancel_Running_IsPaidForTheTimeItRan()
    {
        var cancelled = TaskLifecycle.Cancel(Granted(), At(4, started: 1))!;

        Assert.Equal(TaskState.Cancelled, cancelled.State);
        Assert.Equal(3_000, cancelled.Attempts[0].RunMs);
        Assert.True(cancelled.Attempts[0].DueMicros > 0);
    }

    [Fact]
    public void Cancel_NeverStarted_CostsNothing() =>
        Assert.Equal(0, TaskLifecycle.Cancel(Granted(), At(4))!.Attempts[0].DueMicros);

    [Fact]
    public void IsRepeated_TheAcceptedReportAgain_ButNoOther()
    {
        var ended = TaskLifecycle.End(Granted(), Report(1), At(1, started: 0));

        Assert.True(TaskLifecycle.IsRepeated(ended, "n1", Report(1)));
        Assert.False(TaskLifecycle.IsRepeated(ended, "n2", Report(1)));
        Assert.False(TaskLifecycle.IsRepeated(ended, "n1", Report(1) with { Cause = Causes.ProgramFailed }));
    }

    /// <summary>Its answer got lost: the same end, told once more. Another result is another end.</summary>
    [Fact]
    public void IsRepeated_OfTheOutcome_ItsResultIsTheSame()
    {
        var report = Report(1) with { Result = new BlobRef(3, "abc", null) };
        var ended = TaskLifecycle.End(Granted(), report, At(1, started: 0));

        Assert.True(TaskLifecycle.IsRepeated(ended, "n1", report));
        Assert.False(TaskLifecycle.IsRepeated(ended, "n1", report with { Result = new BlobRef(3, "abd", null) }));
        Assert.False(TaskLifecycle.IsRepeated(Granted(), "n1", report)); // it has not been told at all
    }

    /// <summary>The worker knows of a run timeout only; that it was the end of the task's whole time the hub has said.</summary>
    [Fact]
    public void IsRepeated_RunTimeoutThatWasTheEndOfTheWholeTime_IsKnown()
    {
        var task = TaskLifecycle.Grant(TaskLifecycle.Birth(Spec() with { TotalTimeout = TimeSpan.FromSeconds(60) }, Start), "n1", "owner", 1, Start)!;
        var ended = TaskLifecycle.End(task, Report(1) with { Cause = Causes.RunTimeout }, At(60, started: 0));

        Assert.Equal(Causes.TotalTimeout, ended.Outcome!.Reason);
        Assert.True(TaskLifecycle.IsRepeated(ended, "n1", Report(1) with { Cause = Causes.RunTimeout }));
        Assert.False(TaskLifecycle.IsRepeated(ended, "n1", Report(1) with { Cause = Causes.Cancelled }));
    }

    /// <summary>A worker that leaves gives back what it got: only that costs the task nothing.</summary>
    [Theory]
    [InlineData(Causes.WorkerRefused, true, false)]
    [InlineData(Causes.WorkerRefused, false, true)]
    [InlineData(Causes.WorkerFault, true, true)]
    public void End_HandedBack_CountsUnlessItWasRefusedByAWorkerThatLeaves(string cause, bool handedBack, bool counts) =>
        Assert.Equal(counts, TaskLifecycle.End(Granted(), Report(1) with { Cause = cause, HandedBack = handedBack }, At(1)).Attempts[0].Counts);

    [Fact]
    public void Lose_NeverHandedOver_IsNoLostMachine()
    {
        var task = Granted();
        for (var i = 2; i <= 6; i++) task = TaskLifecycle.Grant(TaskLifecycle.Lose(task, Causes.NodeLost, false, "", At(0)), $"n{i}", "o", 1, Start)!;
        Assert.Equal(TaskState.Pending, TaskLifecycle.Lose(task, Causes.NodeLost, true, "", At(0)).State);
    }

    [Fact]
    public void Lose_VeryManyAttempts_WhatCountsStaysInItsRecord()
    {
        var policy = new TaskPolicy(Rates, 200, 0);
        var task = TaskLifecycle.Birth(Spec(), Start);
        for (var i = 1; i <= 90; i++) task = TaskLifecycle.Lose(TaskLifecycle.Grant(task, "n", "o", 1, Start)!, Causes.NodeLost, i % 10 == 0, "", new("t", Start, null, policy));
        Assert.Equal((70, 70), (task.Attempts.Count, task.Attempts.Count(attempt => attempt.Counts))); // all but the 20 that the pool puts up with
    }

    public static TheoryData<string> WhatIsAskedFor => [.. typeof(TaskSpec).GetProperties().Where(property => property.CanWrite).Select(property => property.Name)];

    /// <summary>Two submits of one request id are the same task only if all is the same that was asked for; what is added to a spec must be decided here.</summary>
    [Theory]
    [MemberData(nameof(WhatIsAskedFor))]
    public void SameContent_AnyPartIsAnother_IsAnotherTaskUnlessItWasNotAskedFor(string part)
    {
        var spec = Spec();
        var other = Other(spec, part);
        Assert.NotEqual(spec, other);
        Assert.Equal(part is nameof(TaskSpec.TraceParent) or nameof(TaskSpec.Role) or nameof(TaskSpec.Hold), TaskLifecycle.SameContent(spec, other));

        static TaskSpec Other(TaskSpec spec, string part) => part switch
        {
            nameof(TaskSpec.UserId) => spec with { UserId = "other" },
            nameof(TaskSpec.TaskType) => spec with { TaskType = "noop" },
            nameof(TaskSpec.Payload) => spec with { Payload = new BlobRef(1, "other", null) },
            nameof(TaskSpec.Resources) => spec with { Resources = spec.Resources with { DiskMb = 1 } },
            nameof(TaskSpec.Priority) => spec with { Priority = TaskPriority.Low },
            nameof(TaskSpec.RunTimeout) => spec with { RunTimeout = TimeSpan.FromSeconds(1) },
            nameof(TaskSpec.Arguments) => spec with { Arguments = ["a"] },
            nameof(TaskSpec.StandardInput) => spec with { StandardInput = [1] },
            nameof(TaskSpec.TraceParent) => spec with { TraceParent = "other" },
            nameof(TaskSpec.MaxOutputMb) => spec with { MaxOutputMb = 7 },
            nameof(TaskSpec.Labels) => spec with { Labels = "os=linux" },
            nameof(TaskSpec.Retry) => spec with { Retry = new() { AnyFailure = true } },
            nameof(TaskSpec.QueueDeadline) => spec with { QueueDeadline = TimeSpan.FromSeconds(1) },
            nameof(TaskSpec.TotalTimeout) => spec with { TotalTimeout = TimeSpan.FromSeconds(1) },
            nameof(TaskSpec.Role) => spec with { Role = "other" },
            nameof(TaskSpec.Hold) => spec with { Hold = new TaskHold(1, 1, 1) },
            nameof(TaskSpec.Environment) => spec with { Environment = ["A=1"] },
            nameof(TaskSpec.Grace) => spec with { Grace = TimeSpan.FromSeconds(1) },
            nameof(TaskSpec.StandardInputFile) => spec with { StandardInputFile = new BlobRef(1, "other", null) },
            nameof(TaskSpec.Lease) => spec with { Lease = TimeSpan.FromSeconds(60) },
            _ => throw new InvalidOperationException($"Whether {part} is part of what was asked for says nobody."),
        };
    }

    [Fact]
    public void AnyWalk_KeepsOneTerminalStateAndOneOpenAttempt() =>
        Gen.Select(Gen.Int[0, 9], Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 90]).List[1, 40].Sample(walk =>
        {
            var task = TaskLifecycle.Birth(Stubborn, Start);
            var now = Start;
            foreach (var (step, attempt, node, seconds) in walk)
            {
                now = now.AddSeconds(seconds);
                var before = task;
                var name = $"n{node}";
                var (current, at) = (TaskLifecycle.IsCurrent(task, name, attempt), new TaskTiming("t", now, null, Policy));
                task = step switch
                {
                    0 or 6 => TaskLifecycle.Expire(task, now) ?? TaskLifecycle.Grant(task, name, "o", 1, now) ?? task,
                    1 => TaskLifecycle.Cancel(task, at) ?? task,
                    2 when current => TaskLifecycle.End(task, Report(attempt), at),
                    3 when current => TaskLifecycle.End(task, Report(attempt) with { Cause = Causes.WorkerFault }, at),
                    4 when current => TaskLifecycle.Lose(task, Causes.NodeLost, true, "", at),
                    5 when current => TaskLifecycle.Lose(task, Causes.NodeRemoved, false, "", at),
                    7 when current => TaskLifecycle.End(task, Report(attempt) with { Cause = Causes.ProgramFailed, ExitCode = 75 }, at),
                    8 when current => TaskLifecycle.End(task, Report(attempt) with { Cause = Causes.RunTimeout }, at),
                    9 => TaskLifecycle.Overdue(task, at) ?? task,
                    _ => task,
                };
                if (before.IsEnded && !ReferenceEquals(before, task)) return false;
                if (before.State != task.State && !TaskLifecycle.CanGo(before.State, task.State)) return false;
                if (task.Attempts.Count(a => a.EndedAt is null) != (task.State == TaskState.Assigned ? 1 : 0)) return false;
                if (!task.Attempts.Select(a => a.Number).SequenceEqual(Enumerable.Range(1, task.Attempts.Count))) return false;
                if (task.IsEnded != task.State is not (TaskState.Pending or TaskState.Assigned)) return false;
                if (task.Attempts.Count(a => a.Counts) > MaxAttempts) return false;
                if (task.Attempts.Any(a => a.RunMs > Stubborn.RunTimeout.TotalMilliseconds)) return false;
                if (task.Attempts.Any(a => a.AssignedAt >= Start + Stubborn.TotalTimeout)) return false;
                if (task.State == TaskState.Pending && task.NotBefore >= TaskDeadlines.StartBy(task) && task.Attempts.Count > 0) return false;
            }

            return true;
        });

    private static TaskRecord Granted() => TaskLifecycle.Grant(TaskLifecycle.Birth(Spec(), Start), "n1", "owner", 1, Start)!;

    private static TaskSpec Spec() => new()
    {
        UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new ResourceRequest(2000, 1024, 0), RunTimeout = TimeSpan.FromMinutes(5),
    };

    private static readonly TaskSpec Stubborn = Spec() with
    {
        Retry = new() { AnyFailure = true, OnTimeout = true }, RunTimeout = TimeSpan.FromSeconds(60),
        QueueDeadline = TimeSpan.FromSeconds(120), TotalTimeout = TimeSpan.FromMinutes(10),
    };

    private static TaskTiming At(double seconds, double? started = null) =>
        new("t", Start.AddSeconds(seconds), started is { } from ? Start.AddSeconds(from) : null, Policy);

    private static TaskOutcomeReport Report(int attempt) => new() { TaskId = "t", Attempt = attempt };
}
