using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What is acknowledged is in the index, whatever a sweeper thought of its entry before.</summary>
[Collection(HubCollection.Name)]
public sealed class OrphanTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Submit_OfATaskWhoseEntryWasSweptAway_IsEnteredAndAnnouncedBeforeItIsAnswered()
    {
        var spec = HubFixture.Spec(_type);
        var id = TaskIds.New(spec.UserId, hub.NewName("request"));
        await hub.Task(id).Submit(spec);
        await hub.Index.Remove([id]); // as a sweeper did that had found no record
        await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Remove([id]);

        Assert.Equal(TaskState.Pending, (await hub.Task(id).Submit(spec)).State);

        Assert.True(await hub.IsUnfinished(id));
        var machine = await hub.Connected(_type);
        await machine.Assigned(id);
        await machine.Ends(id);
    }

    [Fact]
    public async Task Submit_OfATaskThatRuns_IsEnteredAndNotAnnounced()
    {
        var machine = await hub.Connected(_type);
        var spec = HubFixture.Spec(_type);
        var id = TaskIds.New(spec.UserId, hub.NewName("request"));
        await hub.Task(id).Submit(spec);
        await machine.Starts(id);
        await hub.Index.Remove([id]);

        Assert.Equal(TaskState.Running, (await hub.Task(id).Submit(spec)).State);

        Assert.True(await hub.IsUnfinished(id));
        Assert.Equal([id], await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Missing([id]));
        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep(); // which marks it again
        await machine.Ends(id);
        await hub.Settled();
        Assert.False(await hub.IsUnfinished(id));
    }

    [Fact]
    public async Task Sweep_EntryThatWasReadAsAnOrphan_BornMeanwhile_RunsAfterAll()
    {
        var spec = HubFixture.Spec(_type);
        var id = TaskIds.New(spec.UserId, hub.NewName("request"));
        await hub.Index.Add([Pending(id, spec)]); // a submit got so far and no further
        await Sweep();
        hub.Clock.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        await hub.Task(id).Submit(spec); // the caller repeats it
        await Sweep();

        Assert.True(await hub.IsUnfinished(id));
        var machine = await hub.Connected(_type);
        await machine.Assigned(id);
        await machine.Ends(id);
    }

    [Fact]
    public async Task Sweep_EntryThatStaysWithoutATask_Goes()
    {
        var spec = HubFixture.Spec(_type);
        var id = TaskIds.New(spec.UserId, hub.NewName("request"));
        await hub.Index.Add([Pending(id, spec)]);
        await Sweep();
        Assert.True(await hub.IsUnfinished(id));
        hub.Clock.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        await Sweep();
        Assert.False(await hub.IsUnfinished(id));
    }

    private Task Sweep() => hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();

    private PendingTask Pending(string id, TaskSpec spec) =>
        new(id, spec.UserId, spec.TaskType, spec.Priority, spec.Resources, hub.Clock.GetUtcNow(), hub.Clock.GetUtcNow()) { RunTimeout = spec.RunTimeout };
}
