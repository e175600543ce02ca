using HiveMind.Scheduling;
using HiveMind.Tasks;
using Microsoft.Extensions.DependencyInjection;

namespace HiveMind.Tests.Cluster;

/// <summary>The wall clock is set by an hour, or another silo's is an hour off: durations are measured, so nothing ends early and nothing waits for it.</summary>
[Collection(HubCollection.Name)]
public sealed class ClockStepTests(HubFixture hub)
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private readonly string _type = hub.NewName("type");

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task Run_ClockIsSetByAnHour_GoesOnAndIsPaidForWhatItRan(int hours)
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { RunTimeout = TimeSpan.FromMinutes(1), TotalTimeout = TimeSpan.FromMinutes(5) });
        await machine.Starts(id);
        await Pass(TimeSpan.FromSeconds(4), machine);

        await Stepped(hours * Hour, async () =>
        {
            await Pass(TimeSpan.FromSeconds(3), machine);
            Assert.False(await hub.Task(id).Overdue(machine.Id, 1));
            await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();
            Assert.Empty(machine.Link.Killed);
            Assert.Equal(TaskState.Running, (await hub.Snapshot(id)).State);
            await machine.Ends(id);
            Assert.Equal((TaskState.Completed, 7000), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts[0].RunMs));
        });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task Run_ThatAnotherSiloGranted_WithAClockAnHourOff_GoesOnAndIsPaidForWhatItRan(int hours)
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { RunTimeout = TimeSpan.FromMinutes(1), TotalTimeout = TimeSpan.FromMinutes(5) });
        await machine.Starts(id);
        await Pass(TimeSpan.FromSeconds(7), machine);
        await OnAnotherSilo(id);

        await Stepped(hours * Hour, async () =>
        {
            Assert.False(await hub.Task(id).Overdue(machine.Id, 1));
            await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();
            Assert.Empty(machine.Link.Killed);
            machine.Running.Clear();
            Assert.Equal(ReportVerdictKind.Accepted, (await machine.Report(Machine.Ended(id) with { RunMs = 6900 })).Kind);
            Assert.Equal((TaskState.Completed, 6900), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts[0].RunMs));
        });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Deadlines_ClockIsSetForward_EndNothingBeforeItsTimeAndThenEndIt(bool anotherSilo)
    {
        var id = await hub.Submit(HubFixture.Spec(_type) with { QueueDeadline = TimeSpan.FromMinutes(2) });
        hub.Clock.Advance(TimeSpan.FromSeconds(10));
        if (anotherSilo) await OnAnotherSilo(id);

        await Stepped(Hour, async () =>
        {
            var left = await hub.Task(id).Expire();
            Assert.InRange(left!.Value, TimeSpan.FromSeconds(109), TimeSpan.FromSeconds(121));
            hub.Clock.Advance(TimeSpan.FromSeconds(2)); // the scheduler asks, and is told that it waits on
            await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();
            Assert.Equal(TaskState.Pending, (await hub.Snapshot(id)).State);

            var machine = await hub.Connected(_type);
            var other = await hub.Submit(HubFixture.Spec(_type) with { QueueDeadline = TimeSpan.FromMinutes(2), Resources = new ResourceRequest(64_000, 256, 0) });
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id)), "it is given to a machine all the same", machine);
            await machine.Ends(id);

            await hub.PassUntil(async () => (await hub.Snapshot(other)).State != TaskState.Pending, "what cannot run ends when its time is over", machine);
            var ended = await hub.Snapshot(other);
            Assert.Equal((TaskState.TimedOut, Causes.QueueDeadline), (ended.State, ended.Reason));
            Assert.InRange(ended.EndedAt!.Value - ended.CreatedAt, TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(3));
        });
    }

    [Fact]
    public async Task Pause_ThatAClockAnHourAheadWrote_IsNoLongerThanAnyPause()
    {
        var scheduler = hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);
        var id = await hub.Submit(HubFixture.Spec(_type));
        var waiting = (await hub.Task(id).Examine()).Pending!;
        await scheduler.Remove([id]);
        await scheduler.Enqueue([waiting with { NotBefore = hub.Clock.GetUtcNow() + Hour }]);
        var machine = await hub.Connected(_type);
        var from = hub.Clock.GetUtcNow();

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id)), "it is tried again", machine);

        Assert.InRange(hub.Clock.GetUtcNow() - from, TimeSpan.FromSeconds(1), RetryPolicy.LongestPause + TimeSpan.FromSeconds(10));
        await machine.Ends(id);
    }

    /// <summary>From here on what is stored was written by a process that is no more; the task's grain knows only what the record says.</summary>
    private async Task OnAnotherSilo(string id)
    {
        await hub.Deactivate(hub.Task(id));
        hub.Services.GetRequiredService<ProcessClock>().Process++;
    }

    private async Task Stepped(TimeSpan by, Func<Task> meanwhile)
    {
        hub.Wall.Ahead = by;
        try
        {
            await meanwhile();
        }
        finally
        {
            hub.Wall.Ahead = TimeSpan.Zero;
        }
    }

    private async Task Pass(TimeSpan time, Machine machine)
    {
        for (var left = time; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(1))
        {
            hub.Clock.Advance(TimeSpan.FromSeconds(1));
            await machine.Beat();
        }
    }
}
