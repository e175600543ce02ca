using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>Costs as counts of what was looked at, not as times: they must not follow what waits.</summary>
public sealed class SchedulerCostTests
{
    private const int Few = 10, Many = 100_000;

    /// <summary>A full node, and that many waiting tasks of many users in four sizes, all looked at once.</summary>
    private static SchedulerCore Waiting(int tasks)
    {
        var core = NewCore().Nodes(new NodeBuilder("n").Free(0.1).Version(1));
        for (var i = 0; i < tasks; i++) core.Enqueue(new TaskBuilder($"t{i:000000}").Of($"user{i % 5000}").Cores(1 + i % 4).At(i));
        core.Propose();
        return core;
    }

    private static long Cost(SchedulerCore core, Action<SchedulerCore> work)
    {
        var before = core.LanesVisited;
        work(core);
        return core.LanesVisited - before;
    }

    [Fact]
    public void Submit_FewOrManyWaiting_LooksAtTheSame()
    {
        static void Submit(SchedulerCore core)
        {
            core.Enqueue(new TaskBuilder("new").Of("someone").At(1_000_000));
            core.Propose();
        }

        Assert.Equal(Cost(Waiting(Few), Submit), Cost(Waiting(Many), Submit));
    }

    [Fact]
    public void FinishedTask_FewOrManyWaiting_LooksAtTheSameAndPlacesOne()
    {
        static void Finish(SchedulerCore core)
        {
            core.Nodes(new NodeBuilder("n").Free(1).Version(2));
            Assert.Equal(["t000000@n"], core.Propose());
        }

        var few = Cost(Waiting(Few), Finish);
        Assert.InRange(few, 1, 8);
        Assert.Equal(few, Cost(Waiting(Many), Finish));
    }

    [Fact]
    public void FirstProposal_ManyUsersWaiting_LooksAtShapesNotUsers()
    {
        var core = NewCore();
        for (var i = 0; i < Many; i++) core.Enqueue(new TaskBuilder($"t{i:000000}").Of($"user{i}").Cores(8).At(i));
        Assert.Equal(1, Cost(core, it => it.Nodes(new NodeBuilder("n")).Propose()));
    }

    [Fact]
    public void HeartbeatsOfAFullNode_ManyWaiting_LookAtNothing()
    {
        var core = Waiting(Many);
        Assert.Equal(0, Cost(core, it =>
        {
            for (var version = 2; version < 100; version++)
            {
                it.Nodes(new NodeBuilder("n").Free(0).Version(version));
                it.Propose();
            }
        }));
    }
}
