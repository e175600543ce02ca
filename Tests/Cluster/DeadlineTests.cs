using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>A task's time is limited: until it starts, while it runs, and in all.</summary>
[Collection(HubCollection.Name)]
public sealed class DeadlineTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Expire_ByTheRecordAndTheClock_NoEarlierAndOnlyOnce()
    {
        var id = await hub.Submit(Spec() with { QueueDeadline = TimeSpan.FromSeconds(30) });
        hub.Clock.Advance(TimeSpan.FromSeconds(29));
        Assert.NotNull(await hub.Task(id).Expire());
        var waiting = (await hub.Task(id).Examine()).Pending!;
        hub.Clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(await hub.Task(id).Expire());
        Assert.Null(await hub.Task(id).Expire());
        await hub.Settled();

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.TimedOut, Causes.QueueDeadline, 0, 0), (ended.State, ended.Reason, ended.Attempts.Count, ended.CostMicros));
        Assert.False(await hub.IsUnfinished(id));
        Assert.Equal([id], await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Missing([id]));
        await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Enqueue([waiting]); // as if it had not heard of the end
        Assert.Null(await hub.Task(id).Expire());
        Assert.Equal([id], await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Missing([id]));
        Assert.Equal("TASK_ALREADY_ENDED", (await HubFixture.Refused(FailureKind.FailedPrecondition, () => hub.Task(id).Cancel())).Reason);
        Assert.Null(await hub.Task(TaskIds.New("nobody", null)).Expire());
    }

    [Fact]
    public async Task Grant_TooLate_IsRefusedAndEndsTheTask()
    {
        var id = await hub.Submit(Spec() with { QueueDeadline = TimeSpan.FromSeconds(30) });
        hub.Clock.Advance(TimeSpan.FromSeconds(31));

        var refused = await hub.Task(id).Grant("node-x", "lender", 1);

        Assert.Equal((null, nameof(TaskState.TimedOut)), (refused.Assignment, refused.Refusal));
        Assert.Equal(Causes.QueueDeadline, (await hub.Snapshot(id)).Reason);
        var machine = await hub.Connected(_type);
        var other = await hub.Submit(Spec());
        await machine.Assigned(other);
        Assert.False(machine.Link.HasAssigned(id));
        await machine.Ends(other);
    }

    [Fact]
    public async Task Sweep_NobodyElseNoticed_EndsWhatWaitedTooLong()
    {
        var id = await hub.Submit(Spec() with { TotalTimeout = TimeSpan.FromSeconds(30) });
        hub.Clock.Advance(TimeSpan.FromSeconds(31));

        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.TimedOut, Causes.TotalTimeout), (ended.State, ended.Reason));
    }

    [Fact]
    public async Task QueueDeadline_OnceStarted_IsOverForGood()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { QueueDeadline = TimeSpan.FromSeconds(30) });
        await machine.Starts(id);
        await Pass(TimeSpan.FromSeconds(31), machine);
        Assert.Null(await hub.Task(id).Expire()); // it does not wait
        Assert.Equal(TaskState.Running, (await hub.Snapshot(id)).State);
        machine.Running.Clear();
        await machine.Beat(); // lost: it waits again, for however long
        await hub.Task(id).Expire(); // whether it still waits or has been given out again by now
        Assert.NotEqual(TaskState.TimedOut, (await hub.Snapshot(id)).State);
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        await machine.Ends(id, 2);
    }

    [Fact]
    public async Task TotalTimeout_WhileItRuns_TheRunGetsWhatIsLeftAndIsNotMadeAgain()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with
        {
            TotalTimeout = TimeSpan.FromMinutes(8), Retry = new() { OnTimeout = true, ExitCodes = [75] },
        });
        await machine.Starts(id);
        await Pass(TimeSpan.FromMinutes(2), machine);
        machine.Running.Clear();
        await machine.Report(Machine.Ended(id, 1, Causes.ProgramFailed) with { ExitCode = 75 });
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2", machine);
        var given = machine.Link.Assigned.Single(a => a.TaskId == id && a.Attempt == 2);
        Assert.InRange(given.RunTimeout, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
        var running = await hub.Snapshot(id);
        Assert.Equal(running.CreatedAt.AddMinutes(8).AddSeconds(30) - running.Attempts[1].AssignedAt, given.OverdueAfter);

        await machine.Starts(id, 2);
        await Pass(given.RunTimeout, machine);
        machine.Running.Clear();
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Ended(id, 2, Causes.RunTimeout))).Kind);

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.TimedOut, Causes.TotalTimeout), (ended.State, ended.Reason));
        Assert.Equal([Causes.ProgramFailed, Causes.TotalTimeout], ended.Attempts.Select(a => a.Cause));
        Assert.True(ended.Attempts[1].CostMicros > 0);
    }

    [Fact]
    public async Task Overdue_WorkerDoesNotStopIt_TheHubEndsIt()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { RunTimeout = TimeSpan.FromMinutes(1) });
        await machine.Starts(id);
        Assert.False(await hub.Task(id).Overdue(machine.Id, 1));
        await Pass(TimeSpan.FromSeconds(85), machine);
        Assert.False(await hub.Task(id).Overdue(machine.Id, 1));
        await Pass(TimeSpan.FromSeconds(6), machine);

        Assert.True(await hub.Task(id).Overdue(machine.Id, 1));

        var ended = await hub.Snapshot(id);
        Assert.Equal((TaskState.TimedOut, Causes.RunTimeout, 0), (ended.State, ended.Reason, ended.Attempts[0].RunMs));
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Report(Machine.Ended(id))).Kind);
        Assert.True(await hub.Task(id).Overdue(machine.Id, 1));
        machine.Running.Clear();
        await machine.Beat();
    }

    [Fact]
    public async Task Sweep_OverdueRun_IsEndedAndItsWorkerTold()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Spec() with { RunTimeout = TimeSpan.FromMinutes(1), Retry = new() { OnTimeout = true, MaxAttempts = 2 } });
        await machine.Starts(id);
        await Pass(TimeSpan.FromSeconds(91), machine);

        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();

        await hub.Until(() => machine.Link.Killed.Any(kill => kill.TaskId == id && kill.Attempt == 1), "the worker is told");
        Assert.Equal(Causes.RunTimeout, (await hub.Snapshot(id)).Attempts[0].Cause);
        machine.Running.Clear();
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, 2)), "attempt 2, as the submitter wants", machine);
        await machine.Ends(id, 2);
        Assert.Equal(TaskState.Completed, (await hub.Snapshot(id)).State);
    }

    private TaskSpec Spec() => HubFixture.Spec(_type);

    /// <summary>In steps, with heartbeats: the machine is well, only its run does not end.</summary>
    private async Task Pass(TimeSpan time, Machine machine)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(5))
        {
            hub.Clock.Advance(left < TimeSpan.FromSeconds(5) ? left : TimeSpan.FromSeconds(5));
            await machine.Beat();
        }
    }
}
