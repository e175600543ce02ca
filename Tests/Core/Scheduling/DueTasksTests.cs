using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>What is due at some time: pauses, and times by which a task must have started.</summary>
public sealed class DueTasksTests
{
    [Fact]
    public void Remove_TasksWithALongDeadline_LeaveMemoryWithIt()
    {
        var core = NewCore();
        for (var i = 0; i < 20_000; i++)
        {
            core.Enqueue(new TaskBuilder($"t{i}").StartBy(Now.AddDays(28)), Now);
            core.Remove($"t{i}");
        }
        Assert.InRange(core.Due, 0, 100);
    }

    [Fact]
    public void Remove_HeldTasks_LeaveMemoryAndTheOthersAreStillReleased()
    {
        var core = NewCore();
        core.Nodes(new NodeBuilder("n").Size(64));
        core.Enqueue(new TaskBuilder("stays").NotBefore(Now.AddSeconds(30)).StartBy(Now.AddDays(1)), Now);
        for (var i = 0; i < 5000; i++)
        {
            core.Enqueue(new TaskBuilder($"t{i}").NotBefore(Now.AddDays(1)), Now);
            core.Remove($"t{i}");
        }
        Assert.InRange(core.Due, 2, 100);
        Assert.Equal(["stays"], core.Propose(Now.AddSeconds(30), 10).SelectMany(offer => offer.Tasks).Select(task => task.TaskId));
    }

    [Fact]
    public void Propose_WhileItsPauseGoesOn_OffersItToNobody()
    {
        var core = NewCore();
        core.Nodes(new NodeBuilder("n").Size(64));
        core.Enqueue(new TaskBuilder("t").NotBefore(Now.AddSeconds(30)), Now);
        Assert.Empty(core.Propose(Now.AddSeconds(29), 10));
        Assert.Equal("t", Assert.Single(Assert.Single(core.Propose(Now.AddSeconds(30), 10)).Tasks).TaskId);
    }

    [Fact]
    public void TakeExpired_WhileItsPauseGoesOn_TheEndOfThePauseBringsItBackToNobody()
    {
        var core = NewCore();
        core.Nodes(new NodeBuilder("n").Size(64));
        core.Enqueue(new TaskBuilder("t").NotBefore(Now.AddSeconds(30)).StartBy(Now.AddSeconds(10)), Now);
        Assert.Equal(["t"], core.TakeExpired(Now.AddSeconds(11), 10));
        Assert.Empty(core.Propose(Now.AddSeconds(31), 10)); // its record was asked to end it: until the answer it is offered to none
        Assert.True(core.Knows("t"));
    }

    [Fact]
    public void TakeExpired_OnItsWayToANode_IsLeftToItsRecordUntilItComesBack()
    {
        var core = NewCore();
        core.Nodes(new NodeBuilder("n"));
        core.Enqueue(new TaskBuilder("t").StartBy(Now.AddSeconds(10)), Now);
        Assert.Equal(["t@n"], core.Propose());
        Assert.Empty(core.TakeExpired(Now.AddSeconds(11), 10));

        core.Answer("n", new NodeBuilder("n").Version(2), ("t", OfferAnswerKind.TryAgain));
        Assert.Equal(["t"], core.TakeExpired(Now.AddSeconds(60), 10));
    }

    [Fact]
    public void ForgetExpired_EnqueuedAnewMeanwhile_Stays()
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("t").StartBy(Now.AddSeconds(10)), Now);
        Assert.Equal(["t"], core.TakeExpired(Now.AddSeconds(11), 10));
        core.Enqueue(new TaskBuilder("t").StartBy(Now.AddSeconds(60)), Now.AddSeconds(11)); // its record says otherwise
        core.ForgetExpired("t");
        Assert.True(core.Knows("t"));
    }
}
