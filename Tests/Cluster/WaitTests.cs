using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Cluster;

/// <summary>A task that nobody can run now is kept, and its submitter is told why.</summary>
[Collection(HubCollection.Name)]
public sealed class WaitTests(HubFixture hub)
{
    private readonly string _type = hub.NewName("type");

    private ISchedulerGrain Scheduler => hub.Grains.GetGrain<ISchedulerGrain>(Shards.Default);

    [Fact]
    public async Task Explain_TypeThatNobodyOffers_WaitsSaysSoAndRunsOnceOneDoes()
    {
        var offered = hub.NewName("type");
        var machine = await hub.Connected(offered);
        var id = await hub.Submit(HubFixture.Spec(_type));
        await hub.Until(async () => (await Scheduler.Explain(id)).Text.Contains($"'{offered}'"), "the answer names what there is");

        var end = hub.Clock.GetUtcNow().AddMinutes(1);
        await hub.PassUntil(() => Task.FromResult(hub.Clock.GetUtcNow() >= end), "a minute has passed", machine);

        var why = await Scheduler.Explain(id);
        Assert.Equal(WaitReasons.InfeasibleType, why.Reason);
        Assert.Contains($"No connected node runs tasks of type '{_type}'", why.Text);
        Assert.Equal((TaskState.Pending, 0), ((await hub.Snapshot(id)).State, (await hub.Snapshot(id)).Attempts.Count));
        var late = await hub.Connected(_type);
        await late.Assigned(id);
        Assert.Equal(ReportVerdictKind.Accepted, (await late.Ends(id)).Kind);
    }

    [Fact]
    public async Task Explain_LargerThanAnyMachine_IsToldApartFromAFullOne()
    {
        var machine = await hub.Connected(_type);
        var running = await hub.Submit(HubFixture.Spec(_type, cores: 4));
        await machine.Starts(running);

        var never = await hub.Submit(HubFixture.Spec(_type, cores: 5));
        var later = await hub.Submit(HubFixture.Spec(_type, cores: 4));

        Assert.Equal(WaitReasons.InfeasibleSize, (await Scheduler.Explain(never)).Reason);
        Assert.Equal(WaitReasons.WaitingCapacity, (await Scheduler.Explain(later)).Reason);
        Assert.Equal(ReportVerdictKind.Accepted, (await machine.Ends(running)).Kind);
        await machine.Assigned(later);
        Assert.Equal(WaitReasons.InfeasibleSize, (await Scheduler.Explain(never)).Reason);
    }
}
