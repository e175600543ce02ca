using HiveMind.Scheduling;
using HiveMind.Tasks;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

public sealed class SchedulerCoreTests
{
    private readonly SchedulerCore _core = NewCore();

    [Fact]
    public void Propose_OneNodeWithRoom_OffersInOrderOfPriorityThenAgeThenId()
    {
        _core.Enqueue(
            new TaskBuilder("low").Priority(TaskPriority.Low).At(0), new TaskBuilder("b").At(2), new TaskBuilder("a").At(2),
            new TaskBuilder("old").At(1), new TaskBuilder("high").Priority(TaskPriority.High).At(8),
            new TaskBuilder("urgent").Priority(TaskPriority.Urgent).At(9));
        _core.Nodes(new NodeBuilder("n").Size(10));

        Assert.Equal(["urgent@n", "high@n", "old@n", "a@n", "b@n", "low@n"], _core.Propose());
    }

    [Fact]
    public void TakeUnnamed_HereBeforeTheRoundAndNotNamedInIt_AreTold()
    {
        _core.Enqueue(new TaskBuilder("left"), new TaskBuilder("known"), new TaskBuilder("ends"), new TaskBuilder("second"));
        Assert.Empty(_core.TakeUnnamed(10)); // all came in this round
        Assert.True(_core.KnowsNamed("known"));
        Assert.False(_core.KnowsNamed("never"));
        _core.Remove("ends");
        _core.Enqueue(new TaskBuilder("new"));

        Assert.Equal(["left", "second"], _core.TakeUnnamed(10).Order());

        foreach (var id in new[] { "known", "new" }) Assert.True(_core.KnowsNamed(id));
        Assert.Single(_core.TakeUnnamed(1)); // the rest the next time
        foreach (var id in new[] { "left", "second" }) _core.Remove(id);
        Assert.Equal(["known", "new"], _core.TakeUnnamed(10).Order());
    }

    [Fact]
    public void Propose_OrderAcrossSizes_IsKept()
    {
        _core.Enqueue(
            new TaskBuilder("second").Cores(2).At(2), new TaskBuilder("first").Cores(1).At(1), new TaskBuilder("third").Cores(1).At(3));
        _core.Nodes(new NodeBuilder("n").Size(3));

        Assert.Equal(["first@n", "second@n"], _core.Propose());
    }

    [Fact]
    public void Propose_HeadTooBigForNow_SmallerOnesBehindItStillGo()
    {
        _core.Enqueue(new TaskBuilder("big").Cores(4).At(1), new TaskBuilder("small").At(2));
        _core.Nodes(new NodeBuilder("n").Free(2));

        Assert.Equal(["small@n"], _core.Propose());
    }

    [Fact]
    public void Propose_NodeFull_OffersNoMoreThanItsRoom()
    {
        _core.Enqueue(new TaskBuilder("a").Cores(3).At(1), new TaskBuilder("b").Cores(3).At(2)).Nodes(new NodeBuilder("n").Size(4));

        Assert.Equal(["a@n"], _core.Propose());
        Assert.Empty(_core.Propose());
    }

    /// <summary>Its last word was lost or overtaken: what it held must not be its account's for ever.</summary>
    [Fact]
    public void ForgetSilent_NodeThatSaysNothingMore_IsForgottenWithWhatItHeld()
    {
        _core.Nodes(new NodeBuilder("gone").Runs((new TaskBuilder("r").Of("ada").Cores(2), 9000)), new NodeBuilder("speaks"));
        Assert.Equal(1, _core.LoadOf("ada").Running);
        IReadOnlyList<string> silent = [];
        for (var second = 0; second <= 60; second++)
        {
            Assert.Empty(silent);
            if (second % 3 == 0) _core.NodeChanged(new NodeBuilder("speaks").Version(2 + second), Now.AddSeconds(second));
            silent = _core.ForgetSilent(Now.AddSeconds(second), TimeSpan.FromSeconds(59));
        }
        Assert.Equal(["gone"], silent);
        Assert.Equal((0, 1), (_core.LoadOf("ada").Running, _core.Counts.Nodes));
    }

    [Fact]
    public void ForgetSilent_HubWasAwayOrItsClockSet_NobodyWasSilent()
    {
        _core.Nodes(new NodeBuilder("n"));
        Assert.Empty(_core.ForgetSilent(Now, TimeSpan.FromSeconds(60)));
        Assert.Empty(_core.ForgetSilent(Now.AddMinutes(10), TimeSpan.FromSeconds(60)));
        _core.ClockStepped = TimeSpan.FromHours(-5);
        Assert.Empty(_core.ForgetSilent(Now.AddMinutes(10).AddHours(-5), TimeSpan.FromSeconds(60)));
        Assert.Equal(1, _core.Counts.Nodes);
    }

    [Fact]
    public void Propose_OfferOnItsWay_NodeGetsNoSecondOne()
    {
        _core.Enqueue(new TaskBuilder("a").At(1)).Nodes(new NodeBuilder("n"));
        Assert.Equal(["a@n"], _core.Propose());
        _core.Enqueue(new TaskBuilder("b").At(2));
        Assert.Empty(_core.Propose());

        _core.Answer("n", new NodeBuilder("n").Free(3).Version(2), ("a", OfferAnswerKind.Granted));
        Assert.Equal(["b@n"], _core.Propose());
    }

    [Fact]
    public void Propose_ManySmallTasks_OneOfferHoldsAtMostItsLimit()
    {
        for (var i = 0; i < 100; i++) _core.Enqueue(new TaskBuilder($"t{i:000}").Cores(0.01).Memory(1));
        _core.Nodes(new NodeBuilder("n"));

        Assert.Equal(SchedulerCore.TasksPerOffer, _core.Propose().Length);
    }

    [Fact]
    public void Propose_LimitOfTasks_RestGoesWithTheNext()
    {
        _core.Enqueue(new TaskBuilder("a").At(1), new TaskBuilder("b").At(2)).Nodes(new NodeBuilder("m"), new NodeBuilder("n"));

        Assert.Equal(["a@m"], _core.Propose(maxTasks: 1));
        Assert.Equal(["b@n"], _core.Propose(maxTasks: 1));
    }

    [Fact]
    public void Propose_NotBeforeAhead_OnlyOnceDue()
    {
        _core.Enqueue(new TaskBuilder("later").NotBefore(Now.AddSeconds(10))).Nodes(new NodeBuilder("n"));

        Assert.Empty(_core.Propose(Now.AddSeconds(9)));
        Assert.Equal(["later@n"], _core.Propose(Now.AddSeconds(10)));
    }

    [Fact]
    public void Propose_NodeTakesOnlyOwnersTasks_OthersWait()
    {
        _core.Enqueue(new TaskBuilder("stranger").Of("bob").At(1), new TaskBuilder("own").Of("anna").At(2));
        _core.Nodes(new NodeBuilder("n").Of("anna").OwnTasksOnly());

        Assert.Equal(["own@n"], _core.Propose());
    }

    [Fact]
    public void Propose_OwnNodeComesAfterTheTaskWasParked_TaskGoesThere()
    {
        _core.Enqueue(new TaskBuilder("t").Of("anna")).Nodes(new NodeBuilder("other").Of("bob").OwnTasksOnly());
        Assert.Empty(_core.Propose());

        _core.Nodes(new NodeBuilder("own").Of("anna").OwnTasksOnly());
        Assert.Equal(["t@own"], _core.Propose());
    }

    [Fact]
    public void Propose_DrainingNode_GetsNothing()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n").Draining());
        Assert.Empty(_core.Propose());
    }

    [Fact]
    public void NodeChanged_CapacityGrows_ParkedTaskGoes()
    {
        _core.Enqueue(new TaskBuilder("t").Cores(4)).Nodes(new NodeBuilder("n").Free(1).Version(1));
        Assert.Empty(_core.Propose());

        _core.Nodes(new NodeBuilder("n").Free(4).Version(2));
        Assert.Equal(["t@n"], _core.Propose());
    }

    /// <summary>No clock decides: the other activation may have counted less far, and the epoch is what both share.</summary>
    [Fact]
    public void NodeChanged_WordOfAnotherActivation_IsNews()
    {
        NodeView full = new NodeBuilder("n").Free(0).Version(500), empty = new NodeBuilder("n").Free(4).Version(1);
        _core.Enqueue(new TaskBuilder("t")).Nodes(full with { Epoch = 3, Activation = "a" });
        Assert.Empty(_core.Propose());
        _core.Nodes(empty with { Epoch = 2, Activation = "b" }); // of an older connection
        Assert.Empty(_core.Propose());

        _core.Nodes(empty with { Epoch = 3, Activation = "b" });

        Assert.Single(_core.Propose());
    }

    [Fact]
    public void NodeChanged_OlderVersion_IsIgnored()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n").Free(0).Version(5), new NodeBuilder("n").Free(4).Version(4));
        Assert.Empty(_core.Propose());
    }

    [Fact]
    public void NodeChanged_ViewFromBeforeTheOffer_GivesNothingBack()
    {
        _core.Enqueue(new TaskBuilder("a").Cores(3).At(1), new TaskBuilder("b").Cores(3).At(2)).Nodes(new NodeBuilder("n").Version(1));
        Assert.Equal(["a@n"], _core.Propose());

        _core.Nodes(new NodeBuilder("n").Free(4).Version(2)); // a heartbeat that left before the offer came
        Assert.Empty(_core.Propose());
        _core.Answer("n", new NodeBuilder("n").Free(1).Version(3), ("a", OfferAnswerKind.Granted));
        Assert.Empty(_core.Propose());
    }

    [Fact]
    public void NodeChanged_NewerThanTheAnswer_IsTheNodesWord()
    {
        _core.Enqueue(new TaskBuilder("a").Cores(3).At(1), new TaskBuilder("b").Cores(3).At(2)).Nodes(new NodeBuilder("n").Version(1));
        _core.Propose();

        _core.Nodes(new NodeBuilder("n").Free(4).Version(9)); // granted and already ended
        _core.Answer("n", new NodeBuilder("n").Free(1).Version(3), ("a", OfferAnswerKind.Granted));
        Assert.Equal(["b@n"], _core.Propose());
    }

    [Fact]
    public void NodeGone_WhileAnOfferIsOnItsWay_ItsAnswerDoesNotBringItBack()
    {
        _core.Enqueue(new TaskBuilder("a").At(1)).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.NodeGone("n", Now);
        _core.Answer("n", new NodeBuilder("n").Version(2), ("a", OfferAnswerKind.Granted));

        Assert.Equal(new SchedulerCounts(0, 0), _core.Counts);
    }

    [Fact]
    public void NodeGone_AndBackWithALowerVersion_IsKnownAgain()
    {
        _core.Nodes(new NodeBuilder("n").Version(7));
        _core.NodeGone("n", Now);
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n").Version(1));

        Assert.Equal(["t@n"], _core.Propose());
    }

    [Theory]
    [InlineData(OfferAnswerKind.Granted)]
    [InlineData(OfferAnswerKind.NotPending)]
    public void OfferAnswered_TaskWaitsNoMore_LeavesTheQueue(OfferAnswerKind kind)
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.Answer("n", new NodeBuilder("n").Version(2), ("t", kind));

        Assert.False(_core.Knows("t"));
        Assert.Empty(_core.Propose());
    }

    [Fact]
    public void OfferAnswered_NoRoom_TaskGoesElsewhereAtOnceInItsOldPlace()
    {
        _core.Enqueue(new TaskBuilder("a").At(1)).Nodes(new NodeBuilder("m"));
        _core.Propose();
        _core.Enqueue(new TaskBuilder("b").At(2));
        _core.Answer("m", new NodeBuilder("m").Free(0).Version(2), ("a", OfferAnswerKind.NoRoom));
        _core.Nodes(new NodeBuilder("n"));

        Assert.Equal(["a@n", "b@n"], _core.Propose());
    }

    [Fact]
    public void OfferAnswered_NoRoomYetTheViewSaysRoom_TaskRestsInsteadOfALoop()
    {
        _core.Enqueue(new TaskBuilder("a")).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.Answer("n", new NodeBuilder("n").Version(2), ("a", OfferAnswerKind.NoRoom));

        Assert.Empty(_core.Propose());
        Assert.Equal(["a@n"], _core.Propose(Now + SchedulerCore.TryAgainAfter));
    }

    [Fact]
    public void OfferAnswered_NoCreditAgain_RestsLonger()
    {
        _core.Enqueue(new TaskBuilder("a")).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.Answer("n", new NodeBuilder("n").Version(2), ("a", OfferAnswerKind.NoCredit));
        Assert.Empty(_core.Propose());
        var second = Now + SchedulerCore.TryAgainAfter;
        Assert.Equal(["a@n"], _core.Propose(second));
        _core.OfferAnswered("n", new([new("a", OfferAnswerKind.NoCredit)], new NodeBuilder("n").Version(3)), second);

        Assert.Empty(_core.Propose(second + SchedulerCore.TryAgainAfter));
        Assert.Equal(["a@n"], _core.Propose(second + SchedulerCore.NoCreditRest));
    }

    [Fact]
    public void OfferAnswered_OneTaskLeftOut_IsTriedAgain()
    {
        _core.Enqueue(new TaskBuilder("a").At(1), new TaskBuilder("b").At(2)).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.Answer("n", new NodeBuilder("n").Free(3).Version(2), ("a", OfferAnswerKind.Granted));

        Assert.Equal(["b@n"], _core.Propose(Now + SchedulerCore.TryAgainAfter));
    }

    [Fact]
    public void OfferFailed_NodeIsLeftAloneUntilItSpeaks()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n").Version(3));
        _core.Propose();
        _core.OfferFailed("n", Now);

        Assert.Empty(_core.Propose(Now.AddMinutes(1)));
        _core.Nodes(new NodeBuilder("n").Version(3));
        Assert.Equal(["t@n"], _core.Propose(Now.AddMinutes(1)));
    }

    [Fact]
    public void Enqueue_Again_ChangesNothing()
    {
        _core.Enqueue(new TaskBuilder("t"), new TaskBuilder("t"));
        Assert.Equal(1, _core.Counts.Pending);
        _core.Nodes(new NodeBuilder("n"));
        Assert.Equal(["t@n"], _core.Propose());
    }

    [Fact]
    public void Enqueue_AgainWithBackoff_NewestWordCounts()
    {
        _core.Enqueue(new TaskBuilder("t"), new TaskBuilder("t").NotBefore(Now.AddSeconds(5))).Nodes(new NodeBuilder("n"));

        Assert.Empty(_core.Propose());
        Assert.Equal(["t@n"], _core.Propose(Now.AddSeconds(5)));
    }

    [Fact]
    public void Enqueue_WhileOffered_WaitsAgainAfterTheGrant()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n"));
        _core.Propose();
        _core.Enqueue(new TaskBuilder("t")); // attempt 1 was lost before the answer came
        Assert.Empty(_core.Propose());
        _core.Answer("n", new NodeBuilder("n").Version(2), ("t", OfferAnswerKind.Granted));

        Assert.Equal(["t@n"], _core.Propose());
    }

    [Fact]
    public void Remove_WhereverItStands_IsGone()
    {
        _core.Enqueue(
            new TaskBuilder("ready").At(1), new TaskBuilder("held").NotBefore(Now.AddSeconds(1)), new TaskBuilder("parked").Cores(9));
        foreach (var id in new[] { "ready", "held", "parked", "unknown" }) _core.Remove(id);
        _core.Nodes(new NodeBuilder("n").Size(16));

        Assert.Equal(0, _core.Counts.Pending);
        Assert.Empty(_core.Propose(Now.AddMinutes(1)));
    }

    [Fact]
    public void Remove_WhileOffered_LateAnswerOfThatNodeDoesNotTouchTheNextOffer()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("m"));
        _core.Propose();
        _core.Remove("t");
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("n"));
        Assert.Equal(["t@n"], _core.Propose());

        _core.Answer("m", new NodeBuilder("m").Version(2), ("t", OfferAnswerKind.NotPending));
        Assert.True(_core.Knows("t"));
    }
}
