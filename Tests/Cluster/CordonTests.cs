using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Cluster;

/// <summary>Machines that are given nothing new: because somebody said so, or because they fail.</summary>
[Collection(HubCollection.Name)]
public sealed class CordonTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Cordon_ANodeThatRunsATask_KeepsThatAndTakesNothingNewWhateverComes()
    {
        var machine = await hub.Connected(_type);
        var running = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(running);

        var cordoned = await machine.Grain.Cordon(machine.Caller, "new memory", null);
        var waiting = await hub.Submit(HubFixture.Spec(_type));

        Assert.Equal(("new memory", 1, "online"), (cordoned.Cordoned, cordoned.TaskCount, cordoned.Status));
        await NothingComes(machine, waiting);
        await machine.Connect(); // its worker comes back
        await NothingComes(machine, waiting);
        await hub.Deactivate(machine.Grain); // the hub comes back
        await machine.Connect();
        await NothingComes(machine, waiting);
        await machine.Register(); // its owner registers it again: a new token, and its worker comes back with that
        await machine.Connect();
        await NothingComes(machine, waiting);

        Assert.Equal(("new memory", 1), ((await machine.Snapshot()).Cordoned, (await machine.Snapshot()).TaskCount));
        Assert.Empty(machine.Link.Killed); // what it still runs is still its own
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(running)).Kind);
        await NothingComes(machine, waiting);

        Assert.Equal("", (await machine.Grain.Uncordon(machine.Caller)).Cordoned);
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(waiting)), "it takes work again", machine);
        Assert.Single((await hub.Snapshot(running)).Attempts);
    }

    [Fact]
    public async Task Cordon_OfAnothersNode_IsNotFoundUnlessAnAdminsWord()
    {
        var machine = await hub.Connected(_type);
        var stranger = new Caller(hub.NewName("stranger"), "stranger", Roles.User);
        var admin = new Caller(hub.NewName("admin"), "root", Roles.Admin);

        await HubFixture.Refused(FailureKind.NotFound, () => machine.Grain.Cordon(stranger, "", null));
        await HubFixture.Refused(FailureKind.NotFound, () => machine.Grain.Uncordon(stranger));
        await HubFixture.Refused(FailureKind.NotFound, () => hub.Grains.GetGrain<INodeGrain>("never-registered").Cordon(admin, "", null));

        Assert.Equal("", (await machine.Snapshot()).Cordoned);
        Assert.Equal("cordoned by root", (await machine.Grain.Cordon(admin, "", null)).Cordoned);
        Assert.Equal("its owner's word", (await machine.Grain.Cordon(machine.Caller, "its owner's word", null)).Cordoned);
        Assert.Equal("", (await machine.Grain.Uncordon(admin)).Cordoned);
        Assert.Equal("", (await machine.Grain.Uncordon(admin)).Cordoned); // again: the same
    }

    [Fact]
    public async Task Drain_WhatEndsBeforeTheDeadline_Completes_TheRestWaitsAgainAtNoCostOfItsAttempts()
    {
        var machine = await hub.Connected(_type);
        var quick = await hub.Submit(HubFixture.Spec(_type));
        var slow = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(quick);
        await machine.Starts(slow);
        var other = await hub.Connected(_type);

        var drained = await machine.Grain.Cordon(machine.Caller, "", TimeSpan.FromMinutes(5));
        Assert.Equal(hub.Clock.GetUtcNow() + TimeSpan.FromMinutes(5), drained.DrainDeadline);
        await Pass(TimeSpan.FromSeconds(290), machine, other);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(quick)).Kind);
        await NodeTests.Tick(machine);
        Assert.Empty(machine.Link.Killed);
        await Pass(TimeSpan.FromSeconds(10), machine, other);
        await NodeTests.Tick(machine);

        await hub.Until(() => machine.Link.Killed.Contains((slow, 1, Causes.Drained)), "its worker is told");
        await machine.Beat(); // it still runs: nobody else may begin
        Assert.Equal(TaskState.Running, (await hub.Snapshot(slow)).State);
        Assert.False(other.Link.HasAssigned(slow, 2));
        Assert.Equal(1, (await machine.Snapshot()).TaskCount);
        machine.Running.Clear();
        await machine.Beat(); // now it is gone

        await other.Assigned(slow, 2);
        Assert.Equal(0, (await machine.Snapshot()).TaskCount);
        Assert.Equal((Causes.Drained, 0), ((await hub.Snapshot(slow)).Attempts[0].Cause, (await hub.Snapshot(slow)).Attempts[0].CostMicros));
        Assert.Equal(TaskState.Completed, (await hub.Snapshot(quick)).State);
        Assert.Equal(ReportVerdictKind.Accepted, (await other.Ends(slow, 2)).Kind);
    }

    [Fact]
    public async Task Drain_HubBackAfterTheDeadline_TakesBackWhatItsWorkerNames()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        await machine.Grain.Cordon(machine.Caller, "", TimeSpan.FromSeconds(5));
        await hub.Deactivate(machine.Grain);
        hub.Clock.Advance(TimeSpan.FromSeconds(6));

        await machine.Connect();
        Assert.Equal(1, (await machine.Snapshot()).TaskCount);
        await NodeTests.Tick(machine);

        await hub.Until(() => machine.Link.Killed.Contains((id, 1, Causes.Drained)), "its worker is told");
        machine.Running.Clear();
        await machine.Beat();
        await hub.Until(async () => (await hub.Snapshot(id)).State == TaskState.Pending, "it waits again");
    }

    [Fact]
    public async Task Drain_WorkerThatDoesNotLetGo_IsNotWaitedForButKeepsItsRoom()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, cores: 3));
        await machine.Starts(id);
        await machine.Grain.Cordon(machine.Caller, "", TimeSpan.FromSeconds(1));
        hub.Clock.Advance(TimeSpan.FromSeconds(1));
        await NodeTests.Tick(machine);
        var other = await hub.Connected(_type);

        await hub.PassUntil(async () =>
        {
            await NodeTests.Tick(machine);
            return other.Link.HasAssigned(id, 2);
        }, "attempt 2 elsewhere", machine, other);

        Assert.Equal((1, 1.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Ends(id)).Kind);
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
    }

    [Fact]
    public async Task Cordon_WhileItDrains_LetsWhatRunsFinish()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        await machine.Grain.Cordon(machine.Caller, "", TimeSpan.FromSeconds(2));

        Assert.Null((await machine.Grain.Cordon(machine.Caller, "no hurry", null)).DrainDeadline);
        await Pass(TimeSpan.FromSeconds(3), machine);
        await NodeTests.Tick(machine);

        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        Assert.Empty(machine.Link.Killed);
    }

    [Fact]
    public async Task Failing_TasksOfSeveralAccounts_PutsItAsideForAWhile_ThenTriesItAgain()
    {
        var machine = await hub.Connected(_type);
        foreach (var user in new[] { "anna", "bert", "cleo", "anna", "bert" })
        {
            Assert.Equal("", (await machine.Snapshot()).Cordoned);
            await Fails(machine, user);
        }

        var aside = await machine.Snapshot();
        Assert.Equal(("failing: tasks of 3 accounts failed here one after another", hub.Clock.GetUtcNow() + hub.Options.Nodes.CordonFor, (DateTimeOffset?)null),
            (aside.Cordoned, aside.CordonedUntil, aside.DrainDeadline));
        var next = await hub.Submit(HubFixture.Spec(_type, "dora"));
        await NothingComes(machine, next);

        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(next)), "it is tried again by itself", machine);
        Assert.True(hub.Clock.GetUtcNow() >= aside.CordonedUntil);
        await machine.Ends(next, cause: Causes.WorkerFault); // the next account has the same trouble
        Assert.Equal(hub.Clock.GetUtcNow() + 2 * hub.Options.Nodes.CordonFor, (await machine.Snapshot()).CordonedUntil);

        var refused = await HubFixture.Refused(FailureKind.FailedPrecondition, () => machine.Grain.Uncordon(machine.Caller));
        Assert.Contains("until", refused.Message, StringComparison.Ordinal);
        Assert.StartsWith("failing", (await machine.Snapshot()).Cordoned, StringComparison.Ordinal); // it is not its owner's to end
        var admin = new Caller(hub.NewName("admin"), "root", Roles.Admin);
        Assert.Equal("", (await machine.Grain.Uncordon(admin)).Cordoned); // somebody has repaired it
        await hub.PassUntil(() => Task.FromResult(machine.Link.HasAssigned(next, 2)), "it takes work at once", machine);
        await machine.Ends(next, 2);
        Assert.Equal("", (await machine.Snapshot()).Cordoned);
    }

    [Fact]
    public async Task Failing_OneAccountsBrokenProgram_DoesNotPutItAside()
    {
        var machine = await hub.Connected(_type);
        for (var i = 0; i < 12; i++) await Fails(machine, "anna");
        Assert.Equal("", (await machine.Snapshot()).Cordoned);
    }

    [Fact]
    public async Task Forget_CordonedNode_IsKeptUntilItIsUncordoned()
    {
        var machine = await hub.Connected(_type);
        await machine.Grain.Cordon(machine.Caller, "in repair", null);
        await machine.Grain.Disconnect(machine.Epoch);
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its lease has run out");

        hub.Clock.Advance(hub.Options.Nodes.ForgetAfter + TimeSpan.FromMinutes(1));
        await NodeTests.Tick(machine);
        Assert.Equal("in repair", (await machine.Snapshot()).Cordoned);

        await machine.Grain.Uncordon(machine.Caller);
        await NodeTests.Tick(machine);
        Assert.NotNull(await machine.Grain.GetSnapshot()); // from the uncordon on it has its time again
        hub.Clock.Advance(hub.Options.Nodes.ForgetAfter);
        await NodeTests.Tick(machine);
        Assert.Null(await machine.Grain.GetSnapshot());
    }

    private async Task Fails(Machine machine, string user)
    {
        var id = await hub.Submit(HubFixture.Spec(_type, user));
        await machine.Starts(id);
        await machine.Ends(id, cause: Causes.ProgramFailed);
    }

    /// <summary>The scheduler has looked again, more than once.</summary>
    private async Task NothingComes(Machine machine, string taskId)
    {
        await Pass(TimeSpan.FromSeconds(4), machine);
        Assert.False(machine.Link.HasAssigned(taskId));
        Assert.Equal(TaskState.Pending, (await hub.Snapshot(taskId)).State);
    }

    private async Task Pass(TimeSpan time, params Machine[] beating)
    {
        for (var passed = TimeSpan.Zero; passed < time; passed += TimeSpan.FromSeconds(2))
        {
            hub.Clock.Advance(TimeSpan.FromSeconds(2));
            foreach (var machine in beating) await machine.Beat();
        }
    }
}
