using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Cluster;

/// <summary>A task with a lease of its own: its run is kept while its machine is silent, and no longer.</summary>
[Collection(HubCollection.Name)]
public sealed class KeptRunTests(HubFixture hub)
{
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(80), Kept = TimeSpan.FromSeconds(90);
    private readonly string _type = hub.NewName("type");

    private TaskSpec Patient => HubFixture.Spec(_type) with { Lease = Lease };

    private async Task<(Machine Machine, string Id)> Silent(TaskSpec? spec = null)
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(spec ?? Patient);
        await machine.Starts(id);
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its node's lease has run out");
        return (machine, id);
    }

    /// <summary>The hub goes on looking at it, also when its stream is closed.</summary>
    private async Task Pass(Machine silent, int seconds, params Machine[] beating)
    {
        for (var i = 0; i < seconds; i++)
        {
            await hub.Pass(TimeSpan.FromSeconds(1), beating);
            await silent.Tick();
        }
    }

    private Task PassUntil(Machine silent, Func<Task<bool>> condition, string what, params Machine[] beating) => hub.Until(async () =>
    {
        await Pass(silent, 1, beating);
        return await condition();
    }, what);

    private async Task<string> Current(string id)
    {
        var task = await hub.Snapshot(id);
        return $"{task.State} {task.Attempts.Count} {task.Attempts[^1].Cause}".Trim();
    }

    [Fact]
    public async Task ComesBackWithinIt_GoesOnWithTheSameRun_WhileOthersOfTheNodeAreLost()
    {
        var machine = await hub.Connected(_type);
        var (patient, usual) = (await hub.Submit(Patient), await hub.Submit(HubFixture.Spec(_type)));
        await machine.Starts(patient);
        await machine.Starts(usual);
        var heard = hub.Clock.GetUtcNow();
        await hub.PassUntil(async () => (await hub.Snapshot(usual)).State == TaskState.Pending, "the other is lost with the node's lease");

        Assert.Equal("Running 1", await Current(patient));
        var silent = await machine.Snapshot();
        Assert.Equal(("offline", (DateTimeOffset?)heard, 1), (silent.Status, silent.SilentSince, silent.TaskCount));
        await Pass(machine, 60);
        Assert.Equal("Running 1", await Current(patient));
        machine.Running.RemoveAll(run => run.TaskId == usual); // its worker's own lease for that one is over
        await machine.Connect();
        await machine.Beat();

        Assert.Equal(((DateTimeOffset?)null, "online"), ((await machine.Snapshot()).SilentSince, (await machine.Snapshot()).Status));
        Assert.DoesNotContain(machine.Link.Killed, killed => killed.TaskId == patient);
        await Pass(machine, 40, machine); // its lease is the connection's again
        Assert.Equal("Running 1", await Current(patient));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(patient)).Kind);
        Assert.Equal((TaskState.Completed, 1), ((await hub.Snapshot(patient)).State, (await hub.Snapshot(patient)).Attempts.Count));
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task NeverComesBack_IsLostWhenItsLeaseIsOver_AndRunsElsewhere(bool hubIsMadeAnew)
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(Patient);
        await machine.Starts(id);
        var other = await hub.Connected(_type);
        var heard = hub.Clock.GetUtcNow();
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its node's lease has run out", other);
        if (hubIsMadeAnew)
        {
            await hub.Deactivate(machine.Grain);
            heard = hub.Clock.GetUtcNow();
            Assert.True(await Claims(machine, id)); // as the sweeper asks
            Assert.Equal(1, (await machine.Snapshot()).TaskCount);
        }
        await PassUntil(machine, () => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2", other);

        Assert.InRange(hub.Clock.GetUtcNow() - heard, Kept, Kept + TimeSpan.FromSeconds(5));
        var lost = (await hub.Snapshot(id)).Attempts[0];
        Assert.Equal((machine.Id, Causes.NodeLost), (lost.NodeId, lost.Cause));
        Assert.Equal(0, (await machine.Snapshot()).TaskCount);
        Assert.False(await Claims(machine, id));
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Ends(id)).Kind);
    }

    [Fact]
    public async Task ComesBackWithoutIt_IsToldAtOnce()
    {
        var (machine, id) = await Silent();
        machine.Running.Clear();
        await machine.Connect();
        await machine.Assigned(id, 2);
        Assert.Equal(Causes.NodeLost, (await hub.Snapshot(id)).Attempts[0].Cause);
    }

    [Fact]
    public async Task AnotherStartTakesTheNode_TheRunIsGoneAtOnce()
    {
        var machine = await hub.Connected(_type);
        await machine.Connect(new WorkerStart("one", []));
        var id = await hub.Submit(Patient);
        await machine.Starts(id);
        await hub.PassUntil(async () => (await machine.Snapshot()).Status == "offline", "its node's lease has run out");
        machine.Running.Clear();
        await machine.Connect(new WorkerStart("two", []));
        await machine.Assigned(id, 2);
    }

    [Fact]
    public async Task EndedMeanwhile_ItsReportCounts_LongAfterItsRunTimeout()
    {
        var (machine, id) = await Silent(Patient with { RunTimeout = TimeSpan.FromSeconds(20) });
        await Pass(machine, 60);
        Assert.Equal("Running 1", await Current(id));
        await machine.Connect();
        await machine.Tick();
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
        Assert.Equal(TaskState.Completed, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task TotalTimeout_EndsItWhereverItsMachineIs()
    {
        var (machine, id) = await Silent(Patient with { TotalTimeout = TimeSpan.FromSeconds(20) });
        var began = (await hub.Snapshot(id)).CreatedAt;
        await PassUntil(machine, async () => (await hub.Snapshot(id)).State == TaskState.TimedOut, "its time is over");
        Assert.InRange(hub.Clock.GetUtcNow() - began, TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(75));
        await machine.Connect();
        await hub.Until(() => machine.Link.Killed.Any(killed => killed.TaskId == id), "its run is killed when it comes back");
    }

    [Fact]
    public async Task Cancelled_EndsAtOnce_AndItsRunWhenItsMachineComesBack()
    {
        var (machine, id) = await Silent();
        Assert.Equal(TaskState.Cancelled, (await hub.Task(id).Cancel()).State);
        await machine.Connect();
        await hub.Until(() => machine.Link.Killed.Any(killed => killed.TaskId == id), "it is killed");
        machine.Running.Clear();
        await machine.Beat();
        Assert.Equal((0, 4.0), ((await machine.Snapshot()).TaskCount, (await machine.Snapshot()).FreeCores));
    }

    [Theory, InlineData("removed"), InlineData("token revoked")]
    public async Task NodeIsGivenUp_ItsTaskRunsElsewhereAtOnce_Uncounted(string how)
    {
        var (machine, id) = await Silent();
        var other = await hub.Connected(_type);
        if (how == "removed") await machine.Grain.Unregister(machine.Caller);
        else await machine.Grain.RevokeToken(machine.Caller);
        await other.Assigned(id, 2);
        var lost = (await hub.Snapshot(id)).Attempts[0];
        Assert.Equal(Causes.NodeRemoved, lost.Cause);
    }

    [Fact]
    public async Task DrainDeadline_WhileItIsSilent_TakesItBackWhenItsLeaseIsOver_NotBefore()
    {
        var (machine, id) = await Silent();
        var heard = (await machine.Snapshot()).SilentSince!.Value;
        await machine.Grain.Cordon(machine.Caller, "", TimeSpan.FromSeconds(1));
        var other = await hub.Connected(_type);
        await PassUntil(machine, () => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2", other);
        Assert.InRange(hub.Clock.GetUtcNow() - heard, Kept, Kept + TimeSpan.FromSeconds(5)); // it may run there until then
        Assert.Equal(Causes.Drained, (await hub.Snapshot(id)).Attempts[0].Cause);
    }

    [Fact]
    public async Task HubIsMadeAnew_ItComesBack_GoesOn()
    {
        var (machine, id) = await Silent();
        await hub.Deactivate(machine.Grain);
        await hub.Deactivate(hub.Task(id));
        await machine.Connect();
        await machine.Beat();
        Assert.Empty(machine.Link.Killed);
        Assert.Equal("Running 1", await Current(id));
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(id)).Kind);
    }

    private async Task<bool> Claims(Machine machine, string id)
    {
        var found = await hub.Task(id).Examine();
        if (found.Assignment is not { } assignment) return false;
        return await machine.Grain.Claim(new AttemptClaim(id, 1, assignment));
    }
}
