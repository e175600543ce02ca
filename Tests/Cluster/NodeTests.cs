using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Cluster;

/// <summary>Leases, epochs, what a worker names and what it should hold; and whose node it is.</summary>
[Collection(HubCollection.Name)]
public sealed class NodeTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    [Fact]
    public async Task Lease_NoHeartbeat_NodeIsOfflineAndItsTaskRunsElsewhere()
    {
        var silent = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await silent.Starts(id);
        var other = await hub.Connected(_type);
        var lastHeard = hub.Clock.GetUtcNow();

        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2 on the other node", other);

        Assert.True(hub.Clock.GetUtcNow() - lastHeard >= hub.Options.Tasks.LeaseDuration, "no lease ends early");
        var task = await hub.Snapshot(id);
        Assert.Equal([(1, silent.Id, Causes.NodeLost), (2, other.Id, "")], task.Attempts.Select(a => (a.Attempt, a.NodeId, a.Cause)));
        var lost = await silent.Snapshot();
        Assert.Equal(("offline", false, 0, silent.Epoch + 1), (lost.Status, lost.Connected, lost.TaskCount, lost.Epoch));
        await hub.Until(() => silent.Link.Closed.Contains(Causes.NodeLost), "its stream is closed");
        Assert.Equal("STALE_EPOCH", (await HubFixture.Refused(FailureKind.Aborted, () => silent.Beat())).Reason);
        Assert.Equal(ReportVerdictKind.Stale, (await silent.Ends(id)).Kind);
        Assert.Equal(ReportVerdictKind.Accepted, (await other.Ends(id, 2)).Kind);
    }

    [Fact]
    public async Task Connect_WithinTheLease_KeepsWhatRunsAndFencesTheOlderStream()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        var (older, olderEpoch) = (machine.Link, machine.Epoch);
        hub.Clock.Advance(hub.Options.Tasks.LeaseDuration - TimeSpan.FromSeconds(1));

        await machine.Connect();

        Assert.Equal(olderEpoch + 1, machine.Epoch);
        await hub.Until(() => older.Closed.Contains("STALE_EPOCH"), "the older stream is closed");
        Assert.Equal("STALE_EPOCH", (await HubFixture.Refused(FailureKind.Aborted, () => machine.Beat(olderEpoch))).Reason);
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Report(Machine.Ended(id), olderEpoch)).Kind);
        await machine.Beat();
        Assert.Equal((TaskState.Running, 1), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts.Count));
        Assert.Empty(machine.Link.Killed);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
    }

    [Fact]
    public async Task Heartbeat_PushWasLost_IsPushedAgain()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Assigned(id);

        await machine.Beat();
        Assert.Single(machine.Link.Assigned); // it may just be under way
        hub.Clock.Advance(hub.Options.Nodes.HeartbeatInterval);
        await machine.Beat();

        await hub.Until(() => machine.Link.Assigned.Count == 2, "the same attempt is pushed again");
        Assert.All(machine.Link.Assigned, assignment => Assert.Equal((id, 1), (assignment.TaskId, assignment.Attempt)));
        Assert.Single((await hub.Snapshot(id)).Attempts);
    }

    [Fact]
    public async Task Heartbeat_AttemptSeenAndThenMissing_IsLost()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);

        machine.Running.Clear();
        await machine.Beat();

        await machine.Assigned(id, 2);
        Assert.Equal(Causes.NodeLost, (await hub.Snapshot(id)).Attempts[0].Cause);
    }

    [Fact]
    public async Task Heartbeat_AfterAFreshActivation_AdoptsWhatIsItsAndKillsWhatIsNot()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, cores: 3));
        await machine.Starts(id);
        var ended = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(ended);
        await hub.Task(ended).Cancel();

        await hub.Deactivate(machine.Grain);
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores)); // it remembers nothing
        await machine.Beat();

        Assert.Equal((1, 1.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
        await hub.Until(() => machine.Link.Killed.Contains((ended, 1, "NOT_WANTED")), "what nobody wants is killed");
        Assert.DoesNotContain(machine.Link.Killed, killed => killed.TaskId == id);
        await machine.Grain.CheckAttempt(id, 1);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        Assert.Single((await hub.Snapshot(id)).Attempts);
    }

    [Fact]
    public async Task View_OfWhatRuns_SaysForWhomAndUntilWhen_AlsoAfterAFreshActivation()
    {
        var labels = new Dictionary<string, string> { ["zone"] = "cellar" };
        var machine = await hub.Connected(_type, Machine.Usual with { Labels = labels });
        var spec = HubFixture.Spec(_type, "bert", cores: 3) with { Priority = TaskPriority.High };
        var id = await hub.Submit(spec);
        await machine.Assigned(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(2));
        await machine.Starts(id);
        var expected = new RunningTask(id, "bert", TaskPriority.High, spec.Resources, hub.Clock.GetUtcNow() + spec.RunTimeout);

        hub.Clock.Advance(TimeSpan.FromSeconds(2));
        await machine.Beat(usage: new NodeUsage(62.5, 0, 0));

        var view = await View(machine);
        Assert.Equal((expected, 62.5, "cellar", ""), (Assert.Single(view.Running), view.CpuPercent, view.Labels["zone"], view.Cordoned));

        await hub.Deactivate(machine.Grain);
        await machine.Beat();

        var adopted = Assert.Single((await View(machine)).Running);
        Assert.Equal(expected, adopted with { EndsBy = expected.EndsBy });
        Assert.Equal(hub.Clock.GetUtcNow() + spec.RunTimeout, adopted.EndsBy); // it knows no better: no later than that
    }

    [Fact]
    public async Task Lease_AfterAFreshActivation_IsAWholeOneAndThenEnds()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);
        var other = await hub.Connected(_type);

        await hub.Deactivate(machine.Grain);
        Assert.Equal("online", (await machine.Snapshot()).Status);
        // Its room is taken by the sweeper's claim: the record says that the attempt is here.
        await hub.Grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep();
        await hub.Until(async () => (await machine.Snapshot()).TaskCount == 1, "the sweep gives it back what the records say");

        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2 on the other node", other);
    }

    [Fact]
    public async Task Schedule_NodeOfOneWhoTakesNoStrangers_TakesOnlyItsOwners()
    {
        var owner = hub.NewName("owner");
        var machine = await hub.Connected(_type, Machine.Usual with { Sandboxed = false, AcceptsStrangers = false }, owner);

        var strangers = await hub.Submit(HubFixture.Spec(_type));
        var own = await hub.Submit(HubFixture.Spec(_type, owner));

        await machine.Assigned(own);
        for (var beats = 0; beats < 5; beats++)
        {
            hub.Clock.Advance(TimeSpan.FromSeconds(1));
            await machine.Beat();
        }

        Assert.False(machine.Link.HasAssigned(strangers));
        Assert.Equal(TaskState.Pending, (await hub.Snapshot(strangers)).State);
        var open = await hub.Connected(_type);
        await open.Assigned(strangers);
    }

    [Fact]
    public async Task Schedule_TwoHundredTasksOfManySizes_NoMachineEverHoldsMoreThanItHas()
    {
        const int Tasks = 200;
        var machines = await Task.WhenAll(new[] { 2.0, 3.0, 4.5 }.Select(cores =>
            hub.Connected(_type, Machine.Usual with { CpuCores = cores, MemoryMb = 2048 })));
        var loads = machines.Select(machine => new Load(machine)).ToList();
        var random = new Random(20261124);
        var ids = await Task.WhenAll(Enumerable.Range(0, Tasks).Select(i =>
            hub.Submit(HubFixture.Spec(_type, $"user-{i % 7}", 0.25 * (1 + i % 8)))));

        await hub.Until(async () =>
        {
            foreach (var load in loads) await load.EndSome(random);
            return loads.Sum(load => load.Ended) == Tasks;
        }, "all 200 have ended");
        await hub.Settled();

        Assert.All(loads, load => Assert.InRange(load.MostMilliCores, 1, load.MilliCores));
        Assert.All(loads, load => Assert.InRange(load.MostMemoryMb, 1, 2048));
        foreach (var task in await Task.WhenAll(ids.Select(hub.Snapshot)))
            Assert.Equal((TaskState.Completed, 1), (task.State, task.Attempts.Count));
        foreach (var node in await Task.WhenAll(machines.Select(machine => machine.Snapshot())))
            Assert.Equal((0, 2048), (node.TaskCount, node.FreeMemoryMb));
    }

    [Fact]
    public async Task Register_IdOfAnothersNode_IsDeniedAndLeavesItAsItWas()
    {
        var machine = await hub.Connected(_type);
        var thief = new Machine(hub, machine.Id, hub.NewName("thief"), Machine.Usual);

        Assert.Equal("NODE_OF_ANOTHER_OWNER", (await HubFixture.Refused(FailureKind.PermissionDenied, thief.Register)).Reason);

        Assert.Equal(machine.Owner, (await machine.Snapshot()).OwnerId);
        await HubFixture.Refused(FailureKind.NotFound, () => machine.Grain.Unregister(thief.Caller));
        Assert.Equal(new NodeIdentity(machine.Id, machine.Owner), await machine.Grain.CheckToken(Hash(machine.Token)));
    }

    [Fact]
    public async Task CheckToken_OfAnotherNodeOrAnOlderOne_IsUnauthenticated()
    {
        var machine = await hub.Connected(_type);
        var other = await hub.Connected(_type, owner: machine.Owner);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(other.Token)));

        var older = machine.Token;
        await machine.Register();

        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(older)));
        Assert.Equal(machine.Id, (await machine.Grain.CheckToken(Hash(machine.Token))).NodeId);
    }

    [Fact]
    public async Task Unregister_WhileATaskRuns_RequeuesItAtNoCostOfItsAttempts()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await machine.Starts(id);

        await machine.Grain.Unregister(machine.Caller);

        Assert.Null(await machine.Grain.GetSnapshot());
        Assert.DoesNotContain(machine.Id, await hub.NodeIndex.All());
        await hub.Until(() => machine.Link.Closed.Contains(Causes.NodeRemoved), "closed");
        var other = await hub.Connected(_type);
        await other.Assigned(id, 2);
        Assert.Equal(Causes.NodeRemoved, (await hub.Snapshot(id)).Attempts[0].Cause);
        await HubFixture.Refused(FailureKind.Unauthenticated, () => machine.Grain.CheckToken(Hash(machine.Token)));
    }

    [Fact]
    public async Task Forget_AfterItsTimeOffline_NotBefore()
    {
        var machine = await hub.Connected(_type);
        await machine.Grain.Disconnect(machine.Epoch);
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its lease has run out");
        var lostAt = hub.Clock.GetUtcNow();

        hub.Clock.Advance(hub.Options.Nodes.ForgetAfter - TimeSpan.FromMinutes(1));
        await Tick(machine);
        Assert.Equal("offline", (await machine.Snapshot()).Status);
        Assert.Contains(machine.Id, await hub.NodeIndex.All());

        hub.Clock.Advance(TimeSpan.FromMinutes(1));
        await hub.PassUntil(async () => await machine.Grain.GetSnapshot() is null, "it is forgotten");
        Assert.True(hub.Clock.GetUtcNow() - lostAt >= hub.Options.Nodes.ForgetAfter);
        Assert.DoesNotContain(machine.Id, await hub.NodeIndex.All());
    }

    /// <summary>What the scheduler is told, as the answer to an offer of nothing.</summary>
    private static async Task<NodeView> View(Machine machine) => (await machine.Grain.Offer([])).View!;

    /// <summary>The reminder's way to the same check, so that no timer has to be waited for.</summary>
    internal static Task Tick(Machine machine) => machine.Grain.AsReference<IRemindable>().ReceiveReminder("liveness", default);

    private byte[] Hash(string token) => SessionToken.TryParse(token, hub.Database.TokenTagKey)!.SecretHash;

    /// <summary>
    /// What a machine holds, counted from the moment it is told until before it says that it ended: never more than the hub has reserved.
    /// </summary>
    private sealed class Load
    {
        private readonly Lock _gate = new();
        private readonly List<TaskAssignment> _held = [];
        private readonly Machine _machine;

        public Load(Machine machine)
        {
            _machine = machine;
            machine.Link.OnAssign = Take;
        }

        public int MilliCores => (int)(_machine.Capabilities.CpuCores * 1000);
        public int MostMilliCores { get; private set; }
        public int MostMemoryMb { get; private set; }
        public int Ended { get; private set; }

        public async Task EndSome(Random random)
        {
            List<TaskAssignment> ended;
            lock (_gate)
            {
                ended = [.. _held.Where(_ => random.Next(3) > 0)];
                foreach (var one in ended) _held.Remove(one);
            }

            if (ended.Count == 0) return;
            var verdicts = await _machine.Grain.Report(_machine.Epoch, [.. ended.Select(one => Machine.Ended(one.TaskId))]);
            Assert.All(verdicts, verdict => Assert.Equal(ReportVerdictKind.Accepted, verdict.Kind));
            Ended += ended.Count;
        }

        private void Take(TaskAssignment assignment)
        {
            lock (_gate)
            {
                _held.Add(assignment);
                MostMilliCores = Math.Max(MostMilliCores, _held.Sum(one => one.Spec.Resources.MilliCores));
                MostMemoryMb = Math.Max(MostMemoryMb, _held.Sum(one => one.Spec.Resources.MemoryMb));
            }
        }
    }
}
