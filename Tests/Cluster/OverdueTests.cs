using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>Runs that their worker does not end: the node takes them back.</summary>
[Collection(HubCollection.Name)]
public sealed class OverdueTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Overdue_WorkerObeysTheKill_NextAttemptBeginsOnlyWhenThisOneIsGone()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type) with { RunTimeout = TimeSpan.FromMinutes(1), Retry = new() { OnTimeout = true } });
        await machine.Starts(id);
        var other = await hub.Connected(_type);
        var overdueAt = hub.Clock.GetUtcNow() + TimeSpan.FromSeconds(90);

        await hub.PassUntil(() => Task.FromResult(machine.Link.Killed.Contains((id, 1, Causes.RunTimeout))), "its worker is told", machine, other);

        Assert.True(hub.Clock.GetUtcNow() >= overdueAt, "not before the limit and the grace");
        await machine.Beat();
        Assert.Equal((TaskState.Running, 1), ((await hub.Snapshot(id)).State, (await machine.Snapshot()).TaskCount));
        machine.Running.Clear();
        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2) || machine.Link.HasAssigned(id, 2)), "attempt 2", machine, other);
        Assert.Equal(Causes.RunTimeout, (await hub.Snapshot(id)).Attempts[0].Cause);
    }

    [Fact]
    public async Task Overdue_WorkerDoesNotLetGo_TaskEndsAllTheSameAndTheRoomIsFreeWhenItDoes()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, cores: 3) with { RunTimeout = TimeSpan.FromMinutes(1) });
        await machine.Starts(id);

        await hub.PassUntil(async () => (await hub.Snapshot(id)).State == TaskState.TimedOut, "the task ends", machine);

        Assert.Equal((1, 1.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
        machine.Running.Clear();
        await machine.Beat();
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
        Assert.Equal((Causes.RunTimeout, 0), ((await hub.Snapshot(id)).Reason, (await hub.Snapshot(id)).Attempts[0].RunMs));
    }
}
