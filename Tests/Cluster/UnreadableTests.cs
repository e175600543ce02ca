using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What one silo cannot read stops none of the others' tasks, and is done by what else is known of it.</summary>
[Collection(HubCollection.Name)]
public sealed class UnreadableTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Theory]
    [InlineData(new byte[] { 250, 1, 2 })] // a later program's
    [InlineData(new byte[] { 2, 0, 0 })] // damaged
    public async Task Entry_ThatCannotBeRead_ItsTaskAndTheOthersRunAndAreSettled(byte[] record)
    {
        var id = await hub.Submit(HubFixture.Spec(_type));
        var other = await hub.Submit(HubFixture.Spec(_type));
        await hub.Overwrite(id, record);
        await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Remove([id, other]); // as after a restart of it

        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();

        var machine = await hub.Connected(_type);
        await machine.Assigned(id);
        await machine.Assigned(other);
        await hub.Overwrite(id, record);
        await machine.Ends(id);
        await machine.Ends(other);
        await hub.Settled();
        Assert.False(await hub.IsUnfinished(other));
        await foreach (var _ in hub.Index.Scan(default, entry => Assert.NotEqual(id, entry.TaskId))) { }
        Assert.Equal(TaskState.Completed, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task Labels_ThatCannotBeParsed_HoldUpNobodyElse()
    {
        var unreadable = await hub.Submit(HubFixture.Spec(_type) with { Labels = "zone ~~ a" }); // a later program's grammar
        var other = await hub.Submit(HubFixture.Spec(_type));
        var machine = await hub.Connected(_type);
        await machine.Assigned(other);

        Assert.Empty(await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Missing([unreadable]));
        Assert.Equal(WaitReasons.InfeasibleLabels, (await hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default).Explain(unreadable)).Reason);
        await hub.Task(unreadable).Cancel();
        await machine.Ends(other);
    }
}
