using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

/// <summary>By when a task has started, or ended, whatever becomes of its machines.</summary>
public sealed class TaskDeadlinesTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TaskPolicy Policy = new(new RewardRates(1, 0.1m, 10), 5, 3);

    [Theory]
    [InlineData(0, 0, null)]
    [InlineData(30, 0, 30)]
    [InlineData(0, 40, 40)]
    [InlineData(30, 40, 30)]
    [InlineData(50, 40, 40)]
    public void StartBy_BeforeTheFirstGrant_IsTheEarlierOne(int queue, int total, int? by) =>
        Assert.Equal(by is { } seconds ? Start.AddSeconds(seconds) : null, TaskDeadlines.StartBy(Born(queue, total)));

    [Fact]
    public void StartBy_OnceGranted_IsTheTotalTimeoutAlone()
    {
        var task = TaskLifecycle.Lose(Granted(Born(30, 40)), Causes.NodeLost, true, "", At(5));
        Assert.Equal(Start.AddSeconds(40), TaskDeadlines.StartBy(task));
        Assert.Null(TaskDeadlines.StartBy(TaskLifecycle.Lose(Granted(Born(30, 0)), Causes.NodeLost, true, "", At(5))));
    }

    [Theory]
    [InlineData(30, 0, Causes.QueueDeadline, "30 s")]
    [InlineData(30, 40, Causes.QueueDeadline, "30 s")]
    [InlineData(50, 30, Causes.TotalTimeout, "30 s")]
    [InlineData(0, 30, Causes.TotalTimeout, "30 s")]
    public void Expire_Due_TimesOutWithItsCauseAndOwesNothing(int queue, int total, string cause, string says)
    {
        var task = Born(queue, total);
        Assert.Null(TaskLifecycle.Expire(task, Start.AddSeconds(29.9)));

        var ended = TaskLifecycle.Expire(task, Start.AddSeconds(30))!;

        Assert.Equal((TaskState.TimedOut, cause), (ended.State, ended.Outcome!.Reason));
        Assert.Contains(says, ended.Outcome.ErrorMessage);
        Assert.Empty(ended.Attempts);
        Assert.Null(TaskLifecycle.Expire(ended, Start.AddSeconds(99)));
    }

    [Fact]
    public void Expire_RunningOrWithoutDeadline_Never()
    {
        Assert.Null(TaskLifecycle.Expire(Granted(Born(1, 1)), Start.AddDays(9)));
        Assert.Null(TaskLifecycle.Expire(Born(0, 0), Start.AddDays(9000)));
    }

    [Theory]
    [InlineData(0, 0, 60)]
    [InlineData(600, 10, 60)]
    [InlineData(100, 70, 30)]
    [InlineData(60, 0, 60)]
    public void RunLimit_AtTheGrant_IsTheRunTimeoutOrWhatIsLeft(int total, double grantedAt, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), TaskDeadlines.RunLimit(Granted(Born(0, total), grantedAt)));

    [Theory]
    [InlineData(100, 70, 99)]   // its limit was what the total timeout left: earlier by the worker's clock is the same
    [InlineData(100, 40, 100)]  // reported when the whole time is over
    public void End_TimeoutOfTheWholeTime_IsTheTotalTimeoutPaidAndFinal(int total, double grantedAt, double endedAt)
    {
        var task = Granted(Born(0, total, new() { OnTimeout = true, AnyFailure = true }), grantedAt);
        var ended = TaskLifecycle.End(task, Timeout, At(endedAt, started: grantedAt));

        Assert.Equal((TaskState.TimedOut, Causes.TotalTimeout), (ended.State, ended.Outcome!.Reason));
        Assert.Equal(Causes.TotalTimeout, ended.Attempts[0].Cause);
        Assert.True(ended.Attempts[0].DueMicros > 0);
        Assert.True(TaskLifecycle.IsRepeated(ended, "n1", Timeout));
    }

    [Fact]
    public void End_RunTimeoutWithTimeLeft_IsTheRunTimeout() =>
        Assert.Equal(Causes.RunTimeout, TaskLifecycle.End(Granted(Born(0, 600)), Timeout, At(61, started: 1)).Outcome!.Reason);

    [Fact]
    public void End_CompletedTooLate_IsStillCompleted() =>
        Assert.Equal(TaskState.Completed, TaskLifecycle.End(Granted(Born(0, 50)), new() { TaskId = "t", Attempt = 1 }, At(55, started: 1)).State);

    [Fact]
    public void Lose_WholeTimeOverBeforeTheNextStart_TimesOut()
    {
        var task = Granted(Born(0, 50));
        Assert.Equal(TaskState.Pending, TaskLifecycle.Lose(task, Causes.NodeLost, true, "", At(49)).State);
        var ended = TaskLifecycle.Lose(task, Causes.NodeLost, true, "", At(50));
        Assert.Equal((TaskState.TimedOut, Causes.TotalTimeout, Causes.NodeLost), (ended.State, ended.Outcome!.Reason, ended.Attempts[0].Cause));
        Assert.Contains(Causes.NodeLost, ended.Outcome.ErrorMessage);
    }

    /// <summary>What ended while its machine was not heard is told when that comes back; but not after the whole time is over.</summary>
    [Theory]
    [InlineData(0, 160, 90 + 180)]
    [InlineData(70, 160, 100)]
    public void Overdue_LeaseOfItsOwn_WaitsForItToo(int total, int lease, int seconds)
    {
        var born = Born(0, total);
        var task = Granted(born with { Spec = born.Spec! with { Lease = TimeSpan.FromSeconds(lease) } });
        Assert.Equal(TimeSpan.FromSeconds(seconds), TaskDeadlines.OverdueAfter(task));
    }

    [Theory]
    [InlineData(0, 0, 90)]              // run timeout and grace
    [InlineData(0, 64 * 1024 * 20, 110)] // and the time for the payload
    [InlineData(70, 64 * 1024 * 20, 100)] // but the total timeout and grace at the latest
    public void Overdue_ByTheRecord_NoEarlier(int total, long payload, int seconds)
    {
        var born = Born(0, total) with { Spec = Born(0, total).Spec! with { Payload = new BlobRef(payload, "", null) } };
        var task = Granted(born);
        Assert.Equal(TimeSpan.FromSeconds(seconds), TaskDeadlines.OverdueAfter(task));
        Assert.Null(TaskLifecycle.Overdue(task, At(seconds - 0.1, started: 1)));

        var ended = TaskLifecycle.Overdue(task, At(seconds, started: 1))!;

        Assert.Equal((TaskState.TimedOut, total == 0 ? Causes.RunTimeout : Causes.TotalTimeout), (ended.State, ended.Outcome!.Reason));
        Assert.Contains("n1", ended.Outcome.ErrorMessage);
        Assert.Equal((0, 0), (ended.Attempts[0].RunMs, ended.Attempts[0].DueMicros)); // only a silent machine says that it ran
        Assert.Null(TaskLifecycle.Overdue(ended, At(seconds + 99)));
    }

    [Fact]
    public void Overdue_NeverHeardToBegin_OwesNothing()
    {
        var ended = TaskLifecycle.Overdue(Granted(Born(0, 0)), At(90))!;
        Assert.Equal((TaskState.TimedOut, 0, 0), (ended.State, ended.Attempts[0].RunMs, ended.Attempts[0].DueMicros));
    }

    [Fact]
    public void Overdue_TimeoutIsRetryable_WaitsAgain()
    {
        var task = TaskLifecycle.Overdue(Granted(Born(0, 0, new() { OnTimeout = true })), At(90, started: 0))!;
        Assert.Equal((TaskState.Pending, Causes.RunTimeout), (task.State, task.Attempts[0].Cause));
        Assert.True(task.NotBefore > Start.AddSeconds(90));
    }

    [Fact]
    public void Grant_OfWhatHasJustNotExpired_LeavesItTimeToRun()
    {
        var task = Born(0, 40);
        Assert.Null(TaskLifecycle.Expire(task, At(39.999)));
        Assert.True(TaskDeadlines.RunLimit(Granted(task, 39.999)) > TimeSpan.Zero);
        // However its moments were told: by what was measured at the grant.
        var skewed = TaskLifecycle.Grant(task, "n1", "o", 1, Start.AddHours(1), TimeSpan.FromSeconds(10))!;
        Assert.Equal(TimeSpan.FromSeconds(30), TaskDeadlines.RunLimit(skewed));
        Assert.Equal(TimeSpan.FromSeconds(60), TaskDeadlines.OverdueAfter(skewed));
    }

    private static readonly TaskOutcomeReport Timeout = new() { TaskId = "t", Attempt = 1, Cause = Causes.RunTimeout };

    private static TaskRecord Born(int queue, int total, RetrySpec? retry = null) => TaskLifecycle.Birth(new()
    {
        UserId = "u", TaskType = "python", Payload = BlobRef.Empty, Resources = new ResourceRequest(2000, 1024, 0), RunTimeout = TimeSpan.FromMinutes(1),
        QueueDeadline = TimeSpan.FromSeconds(queue), TotalTimeout = TimeSpan.FromSeconds(total), Retry = retry ?? RetrySpec.Default,
    }, Start);

    private static TaskRecord Granted(TaskRecord task, double at = 0) => TaskLifecycle.Grant(task, "n1", "o", 1, Start.AddSeconds(at))!;

    private static TaskTiming At(double seconds, double? started = null) =>
        new("t", Start.AddSeconds(seconds), started is { } from ? Start.AddSeconds(from) : null, Policy);
}
