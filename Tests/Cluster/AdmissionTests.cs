using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>One node, one worker: a second start does not cut off the first, and what follows one that died is let in.</summary>
[Collection(HubCollection.Name)]
public sealed class AdmissionTests(HubFixture hub)
{
    private static readonly WorkerStart First = new("first", []), Twin = new("twin", []), Next = new("next", ["first"]);
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Connect_ASecondStartWhileTheFirstIsHeard_WaitsThenIsRefusedAndCostsNothing()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(First);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        Assert.Equal("NODE_HELD", (await HubFixture.Refused(FailureKind.Unavailable, () => machine.Connect(Twin))).Reason);
        hub.Clock.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal("NODE_HELD", (await HubFixture.Refused(FailureKind.Unavailable, () => machine.Connect(Twin))).Reason);
        await machine.Beat();
        var refused = await HubFixture.Refused(FailureKind.FailedPrecondition, () => machine.Connect(Twin));
        Assert.Equal("NODE_IN_USE", refused.Reason);
        Assert.Contains("cloned image", refused.Message, StringComparison.Ordinal);

        await machine.Beat();
        Assert.Equal((TaskState.Running, 1), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts.Count));
    }

    [Fact]
    public async Task Connect_TheFirstIsSilent_TheSecondIsLetInAndTheFirstIsRefusedAfterwards()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(First);
        var epoch = machine.Epoch;
        await hub.Pass(WorkerAdmission.Silence(hub.Options.Nodes.HeartbeatInterval)); // in steps: a jump is the hub's own absence
        await machine.Connect(Twin);
        Assert.Equal(epoch + 1, machine.Epoch);
        Assert.Equal("STALE_EPOCH", (await HubFixture.Refused(FailureKind.Aborted, () => machine.Beat(epoch))).Reason);
        Assert.Equal("NODE_HELD", (await HubFixture.Refused(FailureKind.Unavailable, () => machine.Connect(First))).Reason);
    }

    [Fact]
    public async Task Connect_TheNextStartOnItsMachine_IsLetInAtOnceAndTheRunThatDiedCounts()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(First);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        machine.Running.Clear();
        await machine.Connect(Next);
        await machine.Assigned(id, 2);
        Assert.Equal(Causes.NodeLost, (await hub.Snapshot(id)).Attempts[0].Cause);
    }

    [Fact]
    public async Task Connect_TheFirstHasLeft_AnyIsLetInAtOnce()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(First);
        await machine.Grain.Leave(machine.Epoch - 1); // of an older connection
        Assert.Equal("NODE_HELD", (await HubFixture.Refused(FailureKind.Unavailable, () => machine.Connect(Twin))).Reason);
        await machine.Grain.Leave(machine.Epoch);
        await machine.Connect(Twin);
    }

    [Fact]
    public async Task Connect_AfterTheGrainWasMadeAnew_TheHolderIsStillKnown()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(First);
        await hub.Deactivate(machine.Grain);
        Assert.Equal("NODE_HELD", (await HubFixture.Refused(FailureKind.Unavailable, () => machine.Connect(Twin))).Reason);
        await machine.Connect(First);
    }

    /// <summary>Workers of before do not say which start they are: as ever the later one is let in, but a task does not pay for it.</summary>
    [Fact]
    public async Task Connect_OneOfBeforeCutsOffAnother_TheRunIsNotCounted()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        var most = hub.Options.Tasks.MaxAttempts;
        for (var attempt = 1; attempt <= most; attempt++)
        {
            await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, attempt)), $"attempt {attempt} is assigned", machine);
            await machine.Starts(id, attempt);
            machine.Running.Clear();
            await machine.Connect();
        }

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(id, most + 1)), "one attempt more than may count is assigned", machine);
        Assert.Equal(Enumerable.Repeat(Causes.NodeTakenOver, most), (await hub.Snapshot(id)).Attempts.SkipLast(1).Select(attempt => attempt.Cause));
    }

    [Fact]
    public async Task Register_AnotherMachineOfTheAccount_DoesNotTakeTheNode()
    {
        var machine = await hub.Connected(_type);
        await hub.Pass(WorkerAdmission.Silence(hub.Options.Nodes.HeartbeatInterval)); // in steps: a jump is the hub's own absence
        await machine.Register("machine-a");
        Assert.Equal("NODE_OF_ANOTHER_MACHINE", (await HubFixture.Refused(FailureKind.FailedPrecondition, () => machine.Register("machine-b"))).Reason);
        await machine.Register("machine-a");
        await machine.Connect(First);
        Assert.Equal("NODE_IN_USE", (await HubFixture.Refused(FailureKind.FailedPrecondition, () => machine.Register("machine-a"))).Reason);
        await machine.Beat();
        await machine.Register(); // node-token, or a program of before
        await machine.Connect(Twin);
    }
}
