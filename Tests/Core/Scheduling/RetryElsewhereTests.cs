using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>A retry goes to another machine if there is one, and waits for that no longer than it should.</summary>
public sealed class RetryElsewhereTests
{
    private static AttemptRecord Ended(string node, string cause, bool counts = true) =>
        new() { NodeId = node, Cause = cause, Counts = counts, EndedAt = Now };

    private static PendingTask Failed(string id, string nodes) => new TaskBuilder(id).Build() with { FailedOn = nodes };

    // ------------------------------------------------------------ which ends

    [Fact]
    public void FailedOn_EndsOfTheMachineAndOfTheProgram_InTheirOrder_AtMostFive()
    {
        Assert.Equal("", RetryElsewhere.FailedOn([]));
        Assert.Equal("a b a", RetryElsewhere.FailedOn([
            Ended("a", Causes.WorkerFault), Ended("b", Causes.WorkerRefused, false), Ended("x", Causes.HubAway, false), Ended("x", Causes.Drained, false),
            Ended("x", Causes.NodeLost, false), Ended("x", Causes.NodeRemoved, false), Ended("x", Causes.NodeSuspended, false), Ended("a", Causes.ProgramFailed),
            new() { NodeId = "now", Cause = "" }]));
        Assert.Equal("c d e f g", RetryElsewhere.FailedOn([.. "abcdefg".Select(node => Ended($"{node}", Causes.NodeLost))]));
        Assert.Equal("t m d o", RetryElsewhere.FailedOn(
            [Ended("t", Causes.NodeTakenOver, false), Ended("m", Causes.OutOfMemory), Ended("d", Causes.OutOfDisk), Ended("o", Causes.RunTimeout)]));
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("a", 60)]
    [InlineData("a a", 120)]
    [InlineData("a b a c d", 960)]
    public void For_DoublesWithEachFailure(string failedOn, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RetryElsewhere.For(failedOn, TimeSpan.FromMinutes(1)));

    // ------------------------------------------------------------ where they go

    [Fact]
    public void Propose_AnotherNodeHasRoom_GoesThere_HoweverMuchEmptierTheOneThatFailedIt()
    {
        var core = NewCore().Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad").Size(64, 100_000), new NodeBuilder("good").Free(1));
        Assert.Equal(["t@good"], core.Propose());
    }

    [Fact]
    public void Propose_TheOtherIsBusy_WaitsForIt_AMinute_ThenGoesAnywhere()
    {
        var core = NewCore().Enqueue(Failed("t", "bad"), new TaskBuilder("u").At(1)).Nodes(new NodeBuilder("bad").Free(1), new NodeBuilder("good").Free(0));
        Assert.Equal(["u@bad"], core.Propose()); // nobody else waits with it
        core.Answer("bad", new NodeBuilder("bad").Version(2), ("u", OfferAnswerKind.Granted));
        Assert.Empty(core.Propose(Now.AddSeconds(59)));

        var why = core.Explain("t", Now.AddSeconds(59));
        Assert.Equal(("WAITING_ELSEWHERE", "It failed on 'bad', so it waits for room on another node that can run it, until 13:01:00 UTC at the latest; from then on any will do."),
            (why.Reason, why.Text));
        Assert.Equal(["t@bad"], core.Propose(Now.AddSeconds(60)));
        Assert.Equal(0, core.Due);
    }

    [Fact]
    public void Propose_TheOtherGetsRoom_GoesThere()
    {
        var core = NewCore().Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        Assert.Empty(core.Propose());
        core.NodeChanged(new NodeBuilder("bad").Version(2), Now);
        Assert.Empty(core.Propose());
        core.NodeChanged(new NodeBuilder("good").Version(2), Now);
        Assert.Equal(["t@good"], core.Propose());
    }

    [Theory]
    [InlineData("none")]
    [InlineData("small")]
    [InlineData("cordoned")]
    [InlineData("of another type")]
    [InlineData("for its owner only")]
    [InlineData("failed it too")]
    public void Propose_NoOtherThatCould_GoesWhereItFailedAtOnce(string other)
    {
        var failedOn = other == "failed it too" ? "bad other bad" : "bad";
        var core = NewCore().Enqueue(Failed("t", failedOn)).Nodes(new NodeBuilder("bad"));
        NodeBuilder? view = other switch
        {
            "none" => null,
            "small" => new NodeBuilder("other").Size(0.5),
            "cordoned" => new NodeBuilder("other").Cordoned("full"),
            "of another type" => new NodeBuilder("other").Types("docker"),
            "for its owner only" => new NodeBuilder("other").OwnTasksOnly(),
            _ => new NodeBuilder("other").Free(0.5),
        };
        if (view is not null) core.Nodes(view);
        Assert.Equal(["t@bad"], core.Propose());
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("cordoned")]
    [InlineData("smaller")]
    public void Propose_TheLastOtherLeaves_GoesWhereItFailed_AlthoughThatHasNoMoreRoomThanBefore(string how)
    {
        var core = NewCore().Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        Assert.Empty(core.Propose());
        if (how == "gone") core.NodeGone("good", Now);
        else core.NodeChanged(how == "cordoned" ? new NodeBuilder("good").Cordoned("x").Version(2) : new NodeBuilder("good").Size(0.5).Version(2), Now);
        Assert.Equal(["t@bad"], core.Propose());
    }

    [Fact]
    public void Propose_OnlyNodeWasFull_GoesThereWhenItHasRoom()
    {
        var core = NewCore().Enqueue(Failed("t", "only")).Nodes(new NodeBuilder("only").Free(0));
        Assert.Empty(core.Propose());
        core.NodeChanged(new NodeBuilder("only").Version(2), Now);
        Assert.Equal(["t@only"], core.Propose());
    }

    [Fact]
    public void Propose_OwnNodeOfTheSubmitter_IsAnotherNodeToo()
    {
        var core = NewCore().Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad"), new NodeBuilder("own").Of("anna").OwnTasksOnly().Free(0));
        Assert.Empty(core.Propose());
        core.NodeChanged(new NodeBuilder("own").Of("anna").OwnTasksOnly().Version(2), Now);
        Assert.Equal(["t@own"], core.Propose());
    }

    [Theory]
    [InlineData("PowerOfTwoChoices")]
    [InlineData("BinPacking")]
    [InlineData("BalancedSpread")]
    public void Propose_ManyTasksAndOneBadNode_NoneGoesBackThere(string policy)
    {
        var core = NewCore(policy: PlacementPolicies.ByName(policy));
        for (var i = 0; i < 40; i++) core.Enqueue(Failed($"t{i:D2}", i % 2 == 0 ? "n0" : "n0 n1"));
        core.Nodes([.. Enumerable.Range(0, 10).Select(n => (NodeView)new NodeBuilder($"n{n}"))]);
        var proposed = core.Propose();
        Assert.Equal(36, proposed.Length); // 9 nodes of 4 cores
        Assert.DoesNotContain(proposed, it => it.EndsWith("@n0", StringComparison.Ordinal));
        Assert.DoesNotContain(proposed, it => it.EndsWith("@n1", StringComparison.Ordinal) && (it[2] - '0') % 2 == 1);
    }

    [Fact]
    public void Enqueue_SaidAgain_DoesNotBeginTheMinuteAnew()
    {
        var core = NewCore().Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        core.Enqueue(Failed("t", "bad"), Now.AddSeconds(30));
        Assert.Equal(["t@bad"], core.Propose(Now.AddSeconds(60)));
        core.Answer("bad", new NodeBuilder("bad").Free(0).Version(2), ("t", OfferAnswerKind.NoRoom));
        core.Enqueue(Failed("t", "bad"), Now.AddSeconds(61));
        core.NodeChanged(new NodeBuilder("bad").Version(3), Now.AddSeconds(62));
        Assert.Equal(["t@bad"], core.Propose(Now.AddSeconds(62)));
    }

    [Fact]
    public void Propose_InItsPause_TheMinuteCountsFromItsEnd()
    {
        var core = NewCore().Enqueue(Failed("t", "bad") with { NotBefore = Now.AddSeconds(20) }).Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        Assert.Empty(core.Propose(Now.AddSeconds(79)));
        Assert.Equal(["t@bad"], core.Propose(Now.AddSeconds(80)));
    }

    [Fact]
    public void Off_GoesAnywhere()
    {
        var core = NewCore(new SchedulingOptions { RetryElsewhere = TimeSpan.Zero }).Enqueue(Failed("t", "bad")).Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        Assert.Equal(["t@bad"], core.Propose());
    }

    [Fact]
    public void Remove_AndExpiry_LeaveNothingBehind()
    {
        var core = NewCore().Nodes(new NodeBuilder("bad"), new NodeBuilder("good").Free(0));
        for (var i = 0; i < 100; i++) core.Enqueue(Failed($"t{i}", "bad") with { StartBy = Now.AddSeconds(30) });
        core.Propose();
        Assert.Equal(100, core.TakeExpired(Now.AddSeconds(31), 1000).Count);
        core.NotExpired("t0", TimeSpan.FromHours(1), Now.AddSeconds(31)); // its record knows better
        core.Propose(Now.AddSeconds(32));
        for (var i = 1; i < 100; i++) core.ForgetExpired($"t{i}");
        Assert.Equal(["t0@bad"], core.Propose(Now.AddSeconds(61)));
        core.Answer("bad", new NodeBuilder("bad").Version(2), ("t0", OfferAnswerKind.Granted));
        Assert.Equal((0, true), (core.Counts.Pending, core.Due < 40));
    }

    // ------------------------------------------------------------ new machines

    [Fact]
    public void SlowStart_NewNode_GetsAsManyOfOthersAsItMayHold_AndItsOwnersAllTheSame()
    {
        var core = NewCore().Nodes(new NodeBuilder("new").Size(64, 100_000).Build() with { OthersLeft = 3 });
        for (var i = 0; i < 10; i++) core.Enqueue(new TaskBuilder($"t{i}"), new TaskBuilder($"own{i}").Of("lender").At(i));
        var first = core.Propose();
        Assert.Equal(3, first.Count(it => it.StartsWith('t')));
        core.Answer("new", new NodeBuilder("new").Size(64, 100_000).Free(40).Version(2).Build() with { OthersLeft = 0 },
            [.. first.Select(it => (it[..it.IndexOf('@')], OfferAnswerKind.Granted))]);
        var second = core.Propose();
        Assert.Equal(10, first.Concat(second).Count(it => it.StartsWith("own", StringComparison.Ordinal)));
        Assert.Equal(3, first.Concat(second).Count(it => it.StartsWith('t')));

        core.Answer("new", new NodeBuilder("new").Size(64, 100_000).Free(40).Version(3).Build() with { OthersLeft = 0 },
            [.. second.Select(it => (it[..it.IndexOf('@')], OfferAnswerKind.Granted))]);
        core.Propose();
        var why = core.Explain("t9", Now);
        Assert.Equal("WAITING_SLOW_START", why.Reason);
        Assert.Contains("Node 'new' has room, but it is new", why.Text, StringComparison.Ordinal);

        core.NodeChanged(new NodeBuilder("new").Size(64, 100_000).Free(40).Version(4).Build() with { OthersLeft = 4 }, Now);
        Assert.Equal(4, core.Propose().Length);
    }

    [Fact]
    public void SlowStart_ShutNode_HoldsNobodyElseUp()
    {
        var core = NewCore().Nodes(new NodeBuilder("new").Size(64, 100_000).Build() with { OthersLeft = 0 }, new NodeBuilder("old").Free(1));
        core.Enqueue(new TaskBuilder("a"), new TaskBuilder("b").At(1), new TaskBuilder("own").Of("lender").At(2));
        Assert.Equal(["a@old"], core.Propose().Where(it => it.EndsWith("old", StringComparison.Ordinal)));
        core.Enqueue(new TaskBuilder("own2").Of("lender").At(3)); // the shape is parked for others
        core.Answer("new", new NodeBuilder("new").Size(64, 100_000).Version(2).Build() with { OthersLeft = 0 }, ("own", OfferAnswerKind.Granted));
        Assert.Equal(["own2@new"], core.Propose());
    }

    [Fact]
    public void SlowStart_NoNodeSaysSo_IsFeasibleAllTheSame()
    {
        var core = NewCore().Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("new").Build() with { OthersLeft = 0 });
        core.Propose();
        Assert.Equal(WaitKind.Waiting, core.ExplainWhole("t", Now).Kind);
    }
}
