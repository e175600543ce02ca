using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Nodes;

/// <summary>The node's machine by itself: no silo, no store, and every order in which its steps may meet those of others.</summary>
public sealed class NodeMachineTests
{
    private readonly NodeBench _node = new();

    private static AttemptReport Names(string id, int attempt = 1, bool started = false) => new(id, attempt, started);

    private static string Task(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public void Offer_Granted_IsPushedOnceAndTakesItsRoom()
    {
        _node.Connect();
        _node.Task(Task(1));

        Assert.Equal(OfferAnswerKind.Granted, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind);

        Assert.Equal(Task(1), Assert.Single(_node.Pushed).TaskId);
        Assert.Equal((3000, 1), (_node.Machine.Held.Free.MilliCores, _node.Machine.Held.Count));
    }

    [Fact]
    public void Offer_GrantIsNotAnswered_ItsRoomIsFreeAndNothingIsPushed()
    {
        _node.Connect();

        Assert.Equal(OfferAnswerKind.TryAgain, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind);

        Assert.Equal((0, _node.Machine.Held.Total), (_node.Pushed.Count, _node.Machine.Held.Free));
    }

    [Fact]
    public void Offer_MarksCannotBeWritten_AsksForNoGrant()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.StoresAnswer = false;

        Assert.Equal(OfferAnswerKind.TryAgain, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind);

        Assert.Equal((0, _node.Machine.Held.Total), (_node.Pushed.Count, _node.Machine.Held.Free));
    }

    /// <summary>The sweeper asks for what is just being granted: it is not taken up a second time beside that, and runs once.</summary>
    [Fact]
    public void Claim_OfWhatIsBeingGranted_IsHeldAndNotTakenUpBesideTheGrant()
    {
        _node.Connect();
        var assignment = _node.Task(Task(1));
        var reply = new Reply<OfferResult>();
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], reply));

        var claimed = new Reply<bool>();
        _node.Run(_node.Machine.Claim(new(Task(1), 1, assignment), claimed));

        Assert.True(claimed.Value);
        Assert.Equal(0, _node.Machine.Held.Count);
        _node.GoOn(offer);
        Assert.Single(_node.Pushed);
        Assert.Equal((1, 3000), (_node.Machine.Held.Count, _node.Machine.Held.Free.MilliCores));
    }

    [Fact]
    public void Offer_NodeIsRemovedWhileItIsMarked_AsksForNoGrantAndHoldsNothing()
    {
        _node.Connect();
        var reply = new Reply<OfferResult>();
        var (offer, _) = _node.Until<MarkTasks>(_node.Machine.Offer([NodeBench.Offer(Task(1))], reply));
        _node.Run(_node.Machine.Unregister(new(NodeBench.Owner, NodeBench.Owner, Roles.User)));
        _node.GoOn(offer);
        Assert.Equal(OfferAnswerKind.TryAgain, Assert.Single(reply.Value.Answers).Kind);
        Assert.False(_node.Machine.Held.Holds(Task(1)));
        Assert.Empty(_node.Pushed);
    }

    [Fact]
    public void Offer_LeaseEndsWhileItIsGranted_TheAttemptIsClosedUncounted()
    {
        _node.Connect();
        _node.Task(Task(1));
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        _node.Tick(16);

        _node.GoOn(offer);

        Assert.Empty(_node.Pushed);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, false), Assert.Single(_node.Losses));
        Assert.Equal(0, _node.Machine.Held.Count);
    }

    /// <summary>A worker counts its lease from sending the heartbeat that is answered: whatever hangs, it is answered at once.</summary>
    [Fact]
    public void Heartbeat_StoresAreAway_IsAnsweredAndWhatItAsksForIsDoneLater()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.StoresAnswer = false;

        for (var beat = 0; beat < 20; beat++)
        {
            _node.Tick(3);
            _node.Beat(Names(Task(1), started: true), Names(Task(2)));
        }

        Assert.Empty(_node.Closed);
        Assert.Empty(_node.Killed); // not known is not unwanted
        Assert.True(_node.View!.IsSettling);
        Assert.Empty(_node.Starts);
        _node.StoresAnswer = true;
        _node.Tick(1);
        Assert.Equal(Names(Task(1), started: true), Assert.Single(_node.Starts));
        Assert.Equal((Task(2), 1, "NOT_WANTED"), Assert.Single(_node.Killed));
    }

    /// <summary>Told until it is confirmed, by the clock alone if no heartbeat comes.</summary>
    [Fact]
    public void Start_CouldNotBeTold_IsToldAgainUntilItsTaskKnowsIt()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.StoresAnswer = false;
        _node.Beat(Names(Task(1), started: true));
        Assert.Equal(HeldPhase.Begun, _node.Machine.Held.Find(Task(1))!.Phase);

        _node.StoresAnswer = true;
        _node.Tick(2);
        _node.Beat(Names(Task(1), started: true));

        Assert.Single(_node.Starts);
        Assert.Equal(HeldPhase.Started, _node.Machine.Held.Find(Task(1))!.Phase);
    }

    [Fact]
    public void Start_OfAnAttemptThatItsTaskDoesNotKnow_IsKilled()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Records.Remove(Task(1)); // cancelled, and the word of it got lost

        _node.Beat(Names(Task(1), started: true));

        Assert.Equal((Task(1), 1, "NOT_WANTED"), Assert.Single(_node.Killed));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores); // until its worker names it no more
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Empty(_node.Losses);
    }

    /// <summary>A lease that is being ended is renewed by nobody.</summary>
    [Fact]
    public void Heartbeat_WhileTheVerdictIsBeingWritten_IsRefusedAndRenewsNothing()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1), started: true));
        _node.Tick(14);
        _node.Pass(2);
        var (tick, save) = _node.Until<SaveNode>(_node.Machine.Tick());
        Assert.Equal(SaveOf.Verdict, save.Why);

        var refused = Assert.Throws<HiveMindException>(() => _node.Beat(Names(Task(1), started: true)));

        Assert.Equal("STALE_EPOCH", refused.Reason);
        Assert.Empty(_node.Losses); // nobody is told before it is durable
        _node.GoOn(tick);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, true), Assert.Single(_node.Losses));
        Assert.Equal("NODE_LOST", Assert.Single(_node.Closed));
        Assert.False(_node.Stored!.HoldsLease);
    }

    [Fact]
    public void Losses_CouldNotBeTold_AreToldAgainAndTheRoomIsNotHeldBackForThat()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1)));
        _node.StoresAnswer = false;
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.False(_node.View!.IsSettling);

        _node.StoresAnswer = true;
        _node.Tick(1);

        Assert.Equal(Task(1), Assert.Single(_node.Losses).TaskId);
    }

    /// <summary>It ended while it was claimed here: it was taken up by an old word, and its worker never names it.</summary>
    [Fact]
    public void Claimed_ButEndedByItsRecord_GivesItsRoomBackWhenItWouldBePushed()
    {
        _node.Connect();
        var assignment = _node.Task(Task(1));
        _node.Run(_node.Machine.Claim(new(Task(1), 1, assignment), new Reply<bool>()));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.Records[Task(1)] = new(TaskExaminationKind.Ended, null, null, null);

        _node.Pass(3);
        _node.Beat();

        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Empty(_node.Pushed);
    }

    [Fact]
    public void Named_ByAWorkerAfterAReactivation_IsTakenUpThoughThereIsNoRoom()
    {
        _node.Connect();
        for (var i = 1; i <= 5; i++) _node.Task(Task(i));

        _node.Beat([.. Enumerable.Range(1, 5).Select(i => Names(Task(i), started: true))]);

        Assert.Equal((5, -1000), (_node.Machine.Held.Count, _node.Machine.Held.Free.MilliCores));
        Assert.Empty(_node.Killed);
        Assert.Equal(5, _node.Starts.Count);
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(9))).Answers).Kind);
    }

    [Fact]
    public void Drain_PastItsDeadline_KillsFirstAndTellsTheTaskWhenItsWorkerLetsGo()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1), started: true));
        _node.Run(_node.Machine.Cordon(new(NodeBench.Owner, NodeBench.Owner, Roles.User), "", TimeSpan.FromSeconds(2)));

        _node.Tick(2);

        Assert.Equal((Task(1), 1, Causes.Drained), Assert.Single(_node.Killed));
        Assert.Empty(_node.Losses);
        _node.Beat();
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.Drained, false), Assert.Single(_node.Losses));
    }
}
