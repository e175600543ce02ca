using HiveMind.Rewards;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>What each way to end costs the submitter and earns the lender; every credit that one loses another gains.</summary>
[Collection(HubCollection.Name)]
public sealed class PaymentTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");
    private readonly string _payer = hub.NewName("payer");

    [Theory]
    [InlineData(Causes.ProgramFailed, TaskState.Failed)]
    [InlineData(Causes.OutOfMemory, TaskState.Failed)]
    [InlineData(Causes.RunTimeout, TaskState.TimedOut)]
    public async Task Report_TheProgramsOwnEnd_IsPaidForTheTimeItRan(string cause, TaskState state)
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer));
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(8));

        await machine.Ends(id, 1, cause);

        await IsPaid(id, machine, 8000);
        var ended = await hub.Snapshot(id);
        Assert.Equal((state, cause, 1), (ended.State, ended.Reason, ended.Attempts.Count)); // and costs no second run
    }

    [Fact]
    public async Task Report_RunTimeoutHeardLate_IsPaidForTheTimeoutOnly()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer) with { RunTimeout = TimeSpan.FromSeconds(5) });
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(9));

        await machine.Ends(id, 1, Causes.RunTimeout);

        await IsPaid(id, machine, 5000);
    }

    [Fact]
    public async Task StartedAndThenSilence_TheHubEndsIt_NothingIsPaid()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer, cores: 4) with { RunTimeout = TimeSpan.FromSeconds(5) });
        await machine.Starts(id);

        // It beats and names the run, but ends it never: as a machine would that only pretends to work.
        await hub.PassUntil(async () => (await hub.Snapshot(id)).State == TaskState.TimedOut, "the hub ends it", machine);

        await machine.Ends(id, 1, Causes.RunTimeout); // too late to change what is owed
        await IsPaid(id, machine, 0);
        Assert.Equal(Causes.RunTimeout, (await hub.Snapshot(id)).Reason);
    }

    [Fact]
    public async Task Cancel_WhileItRuns_IsPaidForTheTimeItRan()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer));
        await machine.Assigned(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(2)); // on its way: not yet its program's time
        await machine.Starts(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(7));

        await hub.Task(id).Cancel();
        hub.Clock.Advance(TimeSpan.FromSeconds(3)); // nor what comes after
        Assert.Equal(ReportVerdictKind.Stale, (await machine.Ends(id)).Kind);

        await IsPaid(id, machine, 7000);
        Assert.Equal(TaskState.Cancelled, (await hub.Snapshot(id)).State);
    }

    [Fact]
    public async Task Cancel_BeforeItsProgramBegan_CostsNothing()
    {
        var machine = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer));
        await machine.Assigned(id);
        hub.Clock.Advance(TimeSpan.FromSeconds(7));

        await hub.Task(id).Cancel();

        await IsPaid(id, machine, 0);
    }

    [Fact]
    public async Task Lease_EndsWhileItRuns_OnlyTheAttemptThatFinishedIsPaid()
    {
        var silent = await hub.Connected(_type);
        var id = await hub.Submit(HubFixture.Spec(_type, _payer));
        await silent.Starts(id);
        var other = await hub.Connected(_type);
        await hub.PassUntil(() => Task.FromResult(other.Link.HasAssigned(id, 2)), "attempt 2 on the other node", other);
        await other.Starts(id, 2);
        hub.Clock.Advance(TimeSpan.FromSeconds(3));

        await silent.Ends(id);
        await other.Ends(id, 2);

        await IsPaid(id, other, 3000);
        Assert.Equal(0, await hub.Database.Balance(silent.Owner, CancellationToken.None));
        Assert.Equal([0, (await hub.Snapshot(id)).CostMicros], (await hub.Snapshot(id)).Attempts.Select(attempt => attempt.CostMicros));
    }

    private async Task IsPaid(string id, Machine machine, long runMs)
    {
        await hub.Settled();
        var ended = await hub.Snapshot(id);
        var due = RewardFormula.Micros(ended.Spec.Resources, runMs, RewardRates.From(hub.Options.Rewards));
        Assert.Equal(runMs > 0, due > 0);
        Assert.Equal((runMs, due), (ended.Attempts[^1].RunMs, ended.CostMicros));
        Assert.Equal((-due, due), (await Balance(_payer), await Balance(machine.Owner)));
        Assert.Equal(0, await hub.Database.SumOfPostings(CancellationToken.None));
    }

    private Task<long> Balance(string account) => hub.Database.Balance(account, CancellationToken.None);
}
