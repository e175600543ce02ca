using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Nodes;

/// <summary>When a node is lost and what of it: by which clock, at whose cost, what is kept while it is silent, and when it is forgotten.</summary>
public sealed class NodeLeaseTests
{
    private static readonly Caller Owner = new(NodeBench.Owner, NodeBench.Owner, Roles.User);

    private readonly NodeBench _node = new();

    private static AttemptReport Names(string id, int attempt = 1, bool started = false) => new(id, attempt, started);

    private static string Task(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    // ------------------------------------------------------------ the verdict

    [Fact]
    public void Tick_SilentForALease_IsDurablyLostBeforeAnybodyIsTold()
    {
        Running(1);
        _node.TakeDone();
        _node.Tick(14);
        Assert.True(_node.Stored!.HoldsLease);
        var epoch = _node.Epoch;

        _node.Tick(1);

        Assert.Equal(["save Verdict", "close NODE_LOST", "losses", "reminder off"], _node.TakeDone().Where(step => step != "owner"));
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, true), Assert.Single(_node.Losses));
        Assert.Equal((epoch + 1, false, NodeBench.Noon), (_node.Epoch, _node.Stored!.HoldsLease, _node.Stored.SilentSince));
        Assert.Equal(("offline", _node.Machine.Held.Total), (_node.Machine.Snapshot(_node.Now)!.Status, _node.Machine.Held.Free));
        Assert.Null(_node.View); // the scheduler counts with it no more
    }

    /// <summary>The clock on the wall says nothing of a lease.</summary>
    [Theory]
    [InlineData(4000)]
    [InlineData(-4000)]
    public void Tick_ClockWasSet_TheLeaseGoesOnByTheMonotonicOne(double step)
    {
        Running(1);
        _node.StepClock(TimeSpan.FromSeconds(step));
        _node.Tick(14);
        Assert.Empty(_node.Losses);
        _node.Tick(1);
        Assert.Single(_node.Losses);
    }

    [Fact]
    public void Tick_HubWasAwayMeanwhile_EndsNoLeaseAndBlamesNobody()
    {
        Running(1);
        _node.Tick(10);
        _node.Pass(60); // frozen
        _node.Tick(1);
        Assert.Single(_node.Events.OfType<NodeEvent.HubWasAway>());
        Assert.True(_node.Stored!.HoldsLease);

        _node.Beat(); // its worker has killed all: nobody answered it

        Assert.Equal(new LostAttempt(Task(1), 1, Causes.HubAway, false), Assert.Single(_node.Losses));
    }

    /// <summary>The heartbeat itself is the first look after the absence.</summary>
    [Fact]
    public void Heartbeat_FirstAfterAnAbsence_BlamesNobodyForWhatIsMissing()
    {
        Running(1);
        _node.Tick(10);
        _node.Pass(60);
        _node.Beat();
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.HubAway, false), Assert.Single(_node.Losses));
    }

    [Fact]
    public void Heartbeat_GrantedSinceTheHubIsBackAndMissing_IsTheNodesDoing()
    {
        _node.Connect();
        _node.Pass(60);
        _node.Beat();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1)));
        _node.Beat();
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, true), Assert.Single(_node.Losses));
    }

    /// <summary>A fresh activation has just come back from an absence of unknown length.</summary>
    [Fact]
    public void Wake_WithALease_IsWatchedOverAndWaitsAWholeLease()
    {
        _node.Connect();
        _node.TakeDone();
        _node.Wake();
        Assert.Equal(["reminder on"], _node.TakeDone());
        _node.Tick(14);
        Assert.True(_node.Stored!.HoldsLease);
        _node.Tick(1);
        Assert.False(_node.Stored!.HoldsLease);
        _node.TakeDone();
        _node.Wake();
        Assert.Empty(_node.Done);
    }

    [Fact]
    public void Verdict_WriteFails_NobodyIsTold()
    {
        Running(1);
        _node.Tick(14);
        _node.Pass(1);
        var (tick, _) = _node.Until<SaveNode>(_node.Machine.Tick());
        tick.Dispose();
        Assert.Empty(_node.Losses);
        Assert.Empty(_node.Closed);
        _node.Wake();
        Assert.True(_node.Stored!.HoldsLease); // and is judged anew
    }

    [Fact]
    public void Verdict_WhileItIsWritten_TakesNothingNew()
    {
        Running(1);
        _node.Tick(14);
        _node.Pass(1);
        var (tick, _) = _node.Until<SaveNode>(_node.Machine.Tick());
        _node.Task(Task(2));
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(2))).Answers).Kind);
        _node.GoOn(tick);
    }

    [Fact]
    public void Verdict_OneWasBeingGrantedMeanwhile_IsClosedAtNoCost()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Tick(14);
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        _node.Pass(1);
        var (tick, _) = _node.Until<SaveNode>(_node.Machine.Tick());
        _node.GoOn(offer); // while the verdict is being written
        Assert.Empty(_node.Pushed);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, false), Assert.Single(_node.Losses));
        _node.GoOn(tick);
        Assert.Single(_node.Losses);
    }

    /// <summary>What was dropped is told to nobody a second time; what was taken back is told as what it was.</summary>
    [Fact]
    public void Verdict_DroppedAndTakenBack_AreWhatTheyWere()
    {
        Running(3);
        _node.Machine.Drop(Task(1), 1, Causes.Cancelled, _node.Now);
        _node.Run(_node.Machine.Cordon(Owner, "", TimeSpan.Zero));
        Drop(2);
        _node.Tick(15);
        Assert.Equal(new LostAttempt(Task(3), 1, Causes.Drained, false), Assert.Single(_node.Losses));

        void Drop(int i) => _node.Machine.Drop(Task(i), 1, Causes.Cancelled, _node.Now);
    }

    /// <summary>What nobody has told the scheduler may hold room: it is settled first. What could not be told holds up nothing.</summary>
    [Fact]
    public void Losses_WhileTheyAreTold_NothingNewIsTaken()
    {
        Running(1);
        _node.Task(Task(2));
        _node.Machine.Heartbeat(_node.Epoch, _node.Link, [], new(0, 0, 0), _node.Now); // its run is gone
        var before = new Reply<OfferResult>();
        foreach (var wait in _node.Machine.Offer([NodeBench.Offer(Task(2))], before)) Assert.Fail(wait.GetType().Name);
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(before.Value.Answers).Kind); // nobody has begun to tell it
        var (tending, _) = _node.UntilBegun<TellLosses>();
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(2))).Answers).Kind);
        _node.GoOn(tending);
        Assert.Equal(OfferAnswerKind.Granted, Assert.Single(_node.Take(NodeBench.Offer(Task(2))).Answers).Kind);
        Assert.False(_node.View!.IsSettling);
    }

    // ------------------------------------------------------------ kept while it is silent

    [Fact]
    public void Silent_TasksWithALongerLease_AreKeptUntilThatIsOver()
    {
        Running(2, leases: [0, 80]);
        _node.Tick(15);
        Assert.Equal(Task(1), Assert.Single(_node.Losses).TaskId);
        Assert.DoesNotContain("reminder off", _node.Done);
        Assert.Equal((1, 3000), (_node.Machine.Held.Count, _node.Machine.Held.Free.MilliCores));

        _node.Tick(74);
        Assert.Single(_node.Losses);
        _node.Tick(1); // an eighth more than was asked for

        Assert.Equal(new LostAttempt(Task(2), 1, Causes.NodeLost, true), _node.Losses[^1]);
        Assert.Equal("reminder off", _node.Done[^1]);
        Assert.Equal(TimeSpan.FromSeconds(90), Assert.Single(_node.Events.OfType<NodeEvent.KeptLost>()).Silence);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Silent_WorkerComesBack_WhatItNamesGoesOnAndWhatItDoesNotIsLost(bool isNamed)
    {
        Running(1, leases: [80]);
        _node.Tick(40);

        _node.Connect(isNamed ? [Names(Task(1), started: true)] : []);

        if (isNamed) Assert.Empty(_node.Losses);
        else Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, true), Assert.Single(_node.Losses));
        Assert.Empty(_node.Killed);
        Assert.Null(_node.Stored!.SilentSince);
        _node.Beat(isNamed ? [Names(Task(1), started: true)] : []);
        Assert.Equal(isNamed ? 1 : 0, _node.Machine.Held.Count);
    }

    /// <summary>An activation that knows nothing of what is kept is told by the sweep, and watched over from then on.</summary>
    [Theory]
    [InlineData(80, true)]
    [InlineData(0, false)]
    [InlineData(12, false)]
    public void Claim_OfASilentNode_IsKeptIfItsLeaseOutlastsTheSilence(double lease, bool isKept)
    {
        Running(1);
        _node.Tick(15);
        _node.Wake();
        _node.TakeDone();

        Assert.Equal(isKept, Claim(_node.Task(Task(1), lease: lease)));

        Assert.Equal((isKept ? 1 : 0, isKept ? 1 : 0), (_node.Machine.Held.Count, _node.Done.Count(step => step == "reminder on")));
    }

    [Fact]
    public void Claim_OfASilentNodeThatCannotComeBack_IsNotKept()
    {
        Running(1);
        _node.Tick(15);
        _node.Run(_node.Machine.RevokeToken(Owner));
        Assert.False(Claim(_node.Task(Task(1), lease: 80)));

        var left = new NodeBench();
        left.Connect();
        left.Tick(15);
        left.OwnerIsActive = false;
        left.Run(left.Machine.OwnerChanged());
        Assert.False(left.Ask<bool>(reply => left.Machine.Claim(new(Task(1), 1, left.Task(Task(1), lease: 80)), reply)));
        Assert.False(new NodeBench() is var never && never.Ask<bool>(reply => never.Machine.Claim(new(Task(1), 1, never.Task(Task(1), lease: 80)), reply)));
    }

    /// <summary>Silent for longer than the lease by what an earlier activation wrote down, clocks believed to within an hour.</summary>
    [Fact]
    public void Claim_LongSilentByItsRecord_IsLost()
    {
        var node = new NodeBench(NodeBench.Registered with { SilentSince = NodeBench.Noon.AddMinutes(-59) });
        Assert.True(node.Ask<bool>(reply => node.Machine.Claim(new(Task(1), 1, node.Task(Task(1), lease: 80)), reply)));
        var longer = new NodeBench(NodeBench.Registered with { SilentSince = NodeBench.Noon.AddMinutes(-62) });
        Assert.False(longer.Ask<bool>(reply => longer.Machine.Claim(new(Task(1), 1, longer.Task(Task(1), lease: 80)), reply)));
    }

    [Fact]
    public void Claim_OfOneThatIsHeld_IsTrueForThatAttemptOnly()
    {
        Running(1);
        var held = _node.Records[Task(1)].Assignment!;
        Assert.True(Claim(held));
        Assert.False(Claim(held with { Attempt = 2 }));
        Assert.Equal(1, _node.Machine.Held.Count);
    }

    /// <summary>The claim looks at the clock itself: a lease that is over is over for it too.</summary>
    [Fact]
    public void Claim_LeaseIsOver_EndsItFirst()
    {
        Running(1);
        _node.Tick(14);
        _node.Pass(1);
        Assert.False(Claim(_node.Records[Task(1)].Assignment!));
        Assert.False(_node.Stored!.HoldsLease);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, true), Assert.Single(_node.Losses));
    }

    // ------------------------------------------------------------ forgotten

    [Fact]
    public void Tick_QuietForTheTimeThatIsLaidDown_IsForgottenUnlessSomebodyPutItAside()
    {
        foreach (var cordoned in new[] { false, true })
        {
            var node = new NodeBench();
            node.Connect();
            if (cordoned) node.Run(node.Machine.Cordon(Owner, "", null));
            node.Tick(15);
            node.Pass(NodeBench.Policy.ForgetAfter.TotalSeconds - 1);
            node.Run(node.Machine.Tick());
            Assert.NotNull(node.Stored);
            node.TakeDone();
            node.Pass(1);
            node.Run(node.Machine.Tick());
            string[] done = cordoned ? [] : ["forget", "unlist"];
            Assert.Equal(done, node.Done);
        }
    }

    [Fact]
    public void Tick_NoSuchNode_DoesNothing()
    {
        var node = new NodeBench(isThere: false);
        node.Tick(100);
        Assert.Empty(node.Done);
    }

    // ------------------------------------------------------------ what it has shown

    [Fact]
    public void Verdict_WithTasksOfOthers_SetsItsShareBackAndSavesThat()
    {
        var node = new NodeBench(NodeBench.Registered with { EarnedShare = 8 }, NodeBench.Policy with { SlowStart = 4 });
        node.Connect();
        node.Task(Task(1), user: "anna");
        node.Take(NodeBench.Offer(Task(1), "anna"));
        node.Beat(Names(Task(1)));
        node.Tick(15);
        Assert.Equal(SlowStart.Nothing, node.Stored!.EarnedShare);

        var own = new NodeBench(NodeBench.Registered with { EarnedShare = 8 }, NodeBench.Policy with { SlowStart = 4 });
        own.Connect();
        own.Task(Task(1));
        own.Take(NodeBench.Offer(Task(1)));
        own.Beat(Names(Task(1)));
        own.Tick(15);
        Assert.Equal(8, own.Stored!.EarnedShare);
    }

    /// <summary>That many tasks run there, named and begun.</summary>
    private void Running(int count, double[]? leases = null)
    {
        _node.Connect();
        for (var i = 1; i <= count; i++)
        {
            _node.Task(Task(i), lease: leases?[i - 1] ?? 0);
            _node.Take(NodeBench.Offer(Task(i)));
        }
        _node.Beat([.. Enumerable.Range(1, count).Select(i => Names(Task(i), started: true))]);
    }

    private bool Claim(TaskAssignment assignment) => _node.Ask<bool>(reply => _node.Machine.Claim(new(assignment.TaskId, assignment.Attempt, assignment), reply));
}
