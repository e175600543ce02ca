using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Nodes;

/// <summary>What a node takes, what its worker says of it, and what is taken from it again.</summary>
public sealed class NodeAttemptTests
{
    private static readonly Caller Owner = new(NodeBench.Owner, NodeBench.Owner, Roles.User), Admin = new("root", "root", Roles.Admin);

    private readonly NodeBench _node = new();

    private static AttemptReport Names(string id, int attempt = 1, bool started = false) => new(id, attempt, started);

    private static string Task(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    // ------------------------------------------------------------ offers

    [Fact]
    public void Offer_MoreThanFits_TakesWhatFitsAndAnswersEach()
    {
        _node.Connect();
        for (var i = 1; i <= 6; i++) _node.Task(Task(i));
        var answers = _node.Take([.. Enumerable.Range(1, 6).Select(i => NodeBench.Offer(Task(i)))]).Answers;
        Assert.Equal([(Task(1), OfferAnswerKind.Granted), (Task(2), OfferAnswerKind.Granted), (Task(3), OfferAnswerKind.Granted), (Task(4), OfferAnswerKind.Granted),
            (Task(5), OfferAnswerKind.NoRoom), (Task(6), OfferAnswerKind.NoRoom)], answers.Select(answer => (answer.TaskId, answer.Kind)).Order());
        Assert.Equal((4, 0), (_node.Pushed.Count, _node.Machine.Held.Free.MilliCores));
        Assert.All(_node.PushedTo, link => Assert.Same(_node.Link, link));
    }

    [Theory]
    [InlineData(GrantResult.NoCredit, OfferAnswerKind.NoCredit)]
    [InlineData(GrantResult.AccountInactive, OfferAnswerKind.TryAgain)]
    [InlineData("Cancelled", OfferAnswerKind.NotPending)]
    [InlineData("MISSING", OfferAnswerKind.NotPending)]
    public void Offer_ItsTaskRefuses_SaysWhyAndTakesNoRoom(string refusal, OfferAnswerKind kind)
    {
        _node.Connect();
        _node.Refusals[Task(1)] = refusal;
        Assert.Equal(kind, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind);
        Assert.Equal((_node.Machine.Held.Total, false), (_node.Machine.Held.Free, _node.Machine.Held.Holds(Task(1))));
    }

    /// <summary>The room is taken before anything is waited for, so that no other offer finds it.</summary>
    [Fact]
    public void Offer_WhileAnotherIsUnderWay_FindsOnlyWhatThatLeft()
    {
        _node.Connect();
        for (var i = 1; i <= 5; i++) _node.Task(Task(i));
        var (first, marks) = _node.Until<MarkTasks>(_node.Machine.Offer([.. Enumerable.Range(1, 4).Select(i => NodeBench.Offer(Task(i)))], new Reply<OfferResult>()));
        Assert.Equal(4, marks.TaskIds.Count);
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(5))).Answers).Kind);
        _node.GoOn(first);
        Assert.Equal(4, _node.Pushed.Count);
    }

    /// <summary>The call was given up between two steps: nothing is reserved for it any more.</summary>
    [Fact]
    public void Offer_IsGivenUpWhileItIsMarked_ItsRoomIsFree()
    {
        _node.Connect();
        var (offer, _) = _node.Until<MarkTasks>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        offer.Dispose();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
    }

    [Fact]
    public void Offer_MoreDiskThanIsLent_IsRefused()
    {
        var node = new NodeBench(NodeBench.Registered with { Capabilities = new() { CpuCores = 4, MemoryMb = 4096, DiskMb = 1000, AcceptsStrangers = true, SupportedTasks = ["python"] } });
        node.Connect();
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(node.Take(Needs(1001)).Answers).Kind);
        node.Task(Task(1));
        Assert.Equal(OfferAnswerKind.Granted, Assert.Single(node.Take(Needs(1000)).Answers).Kind);
        Assert.Equal(0, node.Machine.Held.Free.DiskMb);

        static TaskOffer Needs(int diskMb) => new(NodeBench.Offer(Task(1)).Task with { Resources = new(1000, 100, 0) { DiskMb = diskMb } });
    }

    /// <summary>Whoever cordoned it was told that nothing new comes. It was never handed over, so it costs the task nothing.</summary>
    [Fact]
    public void Offer_CordonedWhileItIsGranted_IsClosedAtNoCost()
    {
        _node.Connect();
        _node.Task(Task(1));
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        _node.Run(_node.Machine.Cordon(Owner, "", null));
        _node.GoOn(offer);
        Assert.Empty(_node.Pushed);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, false), Assert.Single(_node.Losses));
    }

    /// <summary>Granted, perhaps: the sweep finds it on record as this node's. Nothing was pushed, so nobody is to blame.</summary>
    [Theory]
    [InlineData(true, Causes.NodeLost)]
    [InlineData(false, Causes.HubAway)]
    public void Claim_OfAGrantWhoseAnswerGotLost_IsClosedUncountedByWhatIsKnownOfIt(bool wasOfferedHere, string cause)
    {
        _node.Connect();
        if (wasOfferedHere) _node.Take(NodeBench.Offer(Task(1))); // no record yet: not answered
        Assert.True(Claim(_node.Task(Task(1))));
        _node.Beat();
        Assert.Equal(new LostAttempt(Task(1), 1, cause, false), Assert.Single(_node.Losses));
        Assert.Empty(_node.Pushed);
    }

    [Fact]
    public void Offer_OfStrangersToAMachineThatHasShownNothing_TakesFewAndMoreWithEachThatSucceeds()
    {
        var node = new NodeBench(NodeBench.Registered with { EarnedShare = SlowStart.Nothing }, NodeBench.Policy with { SlowStart = 2 });
        node.Connect();
        for (var i = 1; i <= 4; i++) node.Task(Task(i), user: i < 4 ? "anna" : NodeBench.Owner);
        Assert.Equal([OfferAnswerKind.NoRoom, OfferAnswerKind.Granted, OfferAnswerKind.Granted],
            node.Take([.. Enumerable.Range(1, 3).Select(i => NodeBench.Offer(Task(i), "anna"))]).Answers.Select(answer => answer.Kind));
        var own = node.Take(NodeBench.Offer(Task(4))); // its owner's own
        Assert.Equal((OfferAnswerKind.Granted, 0), (Assert.Single(own.Answers).Kind, own.View!.OthersLeft!.Value));

        node.Ask<IReadOnlyList<ReportVerdict>>(reply => node.Machine.Report(0, [Ends(1)], reply));

        Assert.Equal(3, node.View!.OthersLeft!.Value);
        Assert.Equal(SlowStart.Nothing, node.Stored!.EarnedShare);
        node.Tick(1);
        Assert.Contains("save Earned", node.Done);
        Assert.Equal(4, node.Stored!.EarnedShare!.Value);
        node.Wake();
        Assert.Equal(4, node.Machine.Snapshot(node.Now)!.OthersAtOnce!.Value);
    }

    // ------------------------------------------------------------ reports

    [Fact]
    public void Report_End_FreesItsRoomOnceItIsRecorded()
    {
        Running(1);
        var reply = new Reply<IReadOnlyList<ReportVerdict>>();
        var (report, _) = _node.Until<RecordEnds>(_node.Machine.Report(0, [Ends(1)], reply));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.GoOn(report);
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Equal(ReportVerdictKind.Accepted, Assert.Single(reply.Value).Kind);
        Assert.Equal(4000, _node.View!.Free.MilliCores);
    }

    [Fact]
    public void Report_CannotBeRecorded_IsToBeToldAgainAndItsRoomStaysTaken()
    {
        Running(1);
        _node.StoresAnswer = false;
        Assert.Equal(ReportVerdictKind.TryAgain, Assert.Single(Report(Ends(1))).Kind);
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        (_node.StoresAnswer, _node.Verdict) = (true, ReportVerdictKind.TryAgain);
        Assert.Equal(ReportVerdictKind.TryAgain, Assert.Single(Report(Ends(1))).Kind);
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
    }

    [Fact]
    public void Report_IsStale_FreesItsRoomAndSaysNothingOfTheMachine()
    {
        Running(1);
        _node.Verdict = ReportVerdictKind.Stale;
        for (var i = 0; i < 6; i++)
        {
            Report(Ends(1, Causes.WorkerFault));
            Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
            _node.Take(NodeBench.Offer(Task(1)));
        }
        Assert.Equal("", _node.Machine.Snapshot(_node.Now)!.Cordoned);
    }

    [Fact]
    public void Report_OfAnotherAttempt_FreesNothing()
    {
        Running(1);
        Report(Ends(1) with { Attempt = 2 });
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(-1, false)]
    public void Report_OfAnOlderStream_IsStale(int epoch, bool isTaken)
    {
        Running(1);
        var verdict = Assert.Single(Report(Ends(1), epoch == 1 ? _node.Epoch : epoch));
        Assert.Equal(isTaken ? ReportVerdictKind.Accepted : ReportVerdictKind.Stale, verdict.Kind);
        Assert.Equal(isTaken ? 1 : 0, _node.Ends.Count);
    }

    [Fact]
    public void Report_StartsAndEndsMixed_AreAnsweredInTheirOrder()
    {
        Running(2, started: false);
        _node.Records[Task(2)] = _node.Records[Task(2)] with { Assignment = _node.Records[Task(2)].Assignment! with { Attempt = 9 } }; // it is another's by now
        var verdicts = Report(Ends(3), new() { TaskId = Task(1), Attempt = 1, IsStart = true }, Ends(4), new() { TaskId = Task(2), Attempt = 1, IsStart = true });

        Assert.Equal([(Task(3), ReportVerdictKind.Accepted), (Task(1), ReportVerdictKind.Accepted), (Task(4), ReportVerdictKind.Accepted), (Task(2), ReportVerdictKind.Stale)],
            verdicts.Select(verdict => (verdict.TaskId, verdict.Kind)));
        Assert.Equal(HeldPhase.Started, _node.Machine.Held.Find(Task(1))!.Phase);
        Assert.True(_node.Machine.Held.Find(Task(2))!.IsDropped);
    }

    [Fact]
    public void Report_StartCannotBeTold_IsToBeToldAgain()
    {
        Running(1, started: false);
        _node.StoresAnswer = false;
        Assert.Equal(ReportVerdictKind.TryAgain, Assert.Single(Report(new TaskOutcomeReport { TaskId = Task(1), Attempt = 1, IsStart = true })).Kind);
        Assert.Equal(HeldPhase.Begun, _node.Machine.Held.Find(Task(1))!.Phase);
    }

    /// <summary>The run timeout counts from its start on: by that its room is free at the latest.</summary>
    [Fact]
    public void Report_Start_MovesTheEndOfItsRoom()
    {
        Running(1, started: false);
        _node.Pass(9);
        Report(new TaskOutcomeReport { TaskId = Task(1), Attempt = 1, IsStart = true });
        Assert.Equal(_node.Now.Wall.AddSeconds(60), Assert.Single(_node.View!.Running!).EndsBy);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void Report_OfAWorkerThatLeavesOrIsFull_IsHandedBack(bool leaves, bool isFull)
    {
        Running(1);
        if (leaves) _node.Machine.Drain(_node.Epoch, _node.Now);
        if (isFull) _node.Machine.Heartbeat(_node.Epoch, _node.Link, [Names(Task(1), started: true)], new(0, 0, 0, DiskFull: true), _node.Now);
        Report(Ends(1, Causes.WorkerRefused));
        Assert.Equal(leaves || isFull, Assert.Single(_node.Ends).HandedBack);
    }

    // ------------------------------------------------------------ looked up

    [Fact]
    public void Named_ManyOfItsOwnAfterAReactivation_AreAllTakenUpAtOnce()
    {
        _node.Connect();
        for (var i = 1; i <= 200; i++) _node.Task(Task(i));
        _node.Beat([.. Enumerable.Range(1, 200).Select(i => Names(Task(i)))]);
        Assert.Equal(200, _node.Machine.Held.Count);
        Assert.False(_node.View!.IsSettling);
    }

    /// <summary>A worker that names what was never its own makes the hub read few records at a time.</summary>
    [Fact]
    public void Named_ManyThatAreNotItsOwn_AreLookedUpAFewAtATimeAndKilled()
    {
        _node.Connect();
        AttemptReport[] named = [.. Enumerable.Range(1, 150).Select(i => Names(Task(i)))];
        _node.Beat(named);
        Assert.Equal(64, _node.Killed.Count);
        Assert.True(_node.View!.IsSettling);
        _node.Pass(3);
        _node.Beat(named);
        _node.Pass(3);
        _node.Beat(named);
        Assert.Equal(150, _node.Killed.Select(kill => kill.TaskId).Distinct().Count());
        Assert.False(_node.View!.IsSettling);
    }

    [Theory]
    [InlineData("n2", 1)]
    [InlineData(NodeBench.Id, 2)]
    public void Named_ThatIsAnothers_IsKilledAndNotTakenUp(string node, int attempt)
    {
        _node.Connect();
        var assignment = _node.Task(Task(1), attempt);
        _node.Records[Task(1)] = new(TaskExaminationKind.OnNode, node, assignment, null);
        _node.Beat(Names(Task(1)));
        Assert.Equal((Task(1), 1, "NOT_WANTED"), Assert.Single(_node.Killed));
        Assert.Equal(0, _node.Machine.Held.Count);
        _node.Beat(Names(Task(1)));
        Assert.Equal(2, _node.Killed.Count); // until it names it no more
    }

    /// <summary>It ended while its worker names it: what is named has its room until it is named no more.</summary>
    [Fact]
    public void PushAgain_NamedWhileItsRecordIsAsked_KeepsItsRoom()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Pass(3);
        _node.Machine.Heartbeat(_node.Epoch, _node.Link, [], new(0, 0, 0), _node.Now); // not named: its push may be lost
        var (tending, _) = _node.UntilBegun<ExamineTasks>();
        _node.Machine.Heartbeat(_node.Epoch, _node.Link, [Names(Task(1), started: true)], new(0, 0, 0), _node.Now);
        _node.Records[Task(1)] = new(TaskExaminationKind.Ended, null, null, null);

        _node.GoOn(tending);

        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.Beat(Names(Task(1), started: true));
        Assert.Equal((Task(1), 1, "NOT_WANTED"), _node.Killed[^1]);
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
    }

    [Fact]
    public void PushAgain_LostPush_IsPushedOnceMoreAndThenGivenUpAtNoCost()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        for (var beat = 0; beat < 2; beat++)
        {
            _node.Pass(3);
            _node.Beat();
        }
        Assert.Equal(2, _node.Pushed.Count);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.HubAway, false), Assert.Single(_node.Losses));
    }

    [Fact]
    public void PushAgain_RecordCannotBeRead_IsNotPushedUnknown()
    {
        _node.Connect();
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Pass(3);
        _node.StoresAnswer = false;
        _node.Beat();
        Assert.Equal((1, 3000), (_node.Pushed.Count, _node.Machine.Held.Free.MilliCores));
    }

    [Fact]
    public void CheckAttempt_AfterAReactivation_AsksTheRecord()
    {
        _node.Connect();
        var assignment = _node.Task(Task(1));
        Assert.Same(assignment.Spec, Check(1));
        Assert.Equal(1, _node.Machine.Held.Count);
        Assert.Equal("STALE_ATTEMPT", Assert.Throws<HiveMindException>(() => Check(1, attempt: 2)).Reason);
        Assert.Equal("STALE_ATTEMPT", Assert.Throws<HiveMindException>(() => Check(2)).Reason);
        _node.StoresAnswer = false;
        Assert.Equal("STORE_UNAVAILABLE", Assert.Throws<HiveMindException>(() => Check(3)).Reason);
        _node.Machine.Drop(Task(1), 1, Causes.Cancelled, _node.Now);
        Assert.Equal("STALE_ATTEMPT", Assert.Throws<HiveMindException>(() => Check(1)).Reason);
        _node.OwnerIsActive = false;
        _node.Run(_node.Machine.OwnerChanged());
        Assert.Equal(FailureKind.Unauthenticated, Assert.Throws<HiveMindException>(() => Check(1)).Kind);
    }

    /// <summary>The word to drop it got lost: about once a minute what is held is compared with the index.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Held_ThatTheIndexHasNoMore_IsDroppedWithinAMinute(bool isMarkedElsewhere)
    {
        Running(1);
        if (isMarkedElsewhere) _node.Records[Task(1)] = new(TaskExaminationKind.OnNode, "n2", _node.Records[Task(1)].Assignment! with { Attempt = 2 }, null);
        else _node.Records.Remove(Task(1));
        Beats(59);
        Assert.Empty(_node.Killed);
        Beats(1);
        Assert.Equal((Task(1), 1, "NOT_WANTED"), _node.Killed[^1]);
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Empty(_node.Losses);
    }

    /// <summary>Index and record differ for a moment: the record decides. What cannot be asked decides nothing.</summary>
    [Fact]
    public void Held_ThatTheIndexSaysOtherwiseOf_IsDecidedByItsRecord()
    {
        Running(1, seconds: 3000);
        _node.Marks[Task(1)] = null;
        Beats(70);
        Assert.Empty(_node.Killed);
        _node.StoresAnswer = false;
        _node.Records.Remove(Task(1));
        Beats(70);
        Assert.Empty(_node.Killed);
        _node.StoresAnswer = true;
        Beats(1);
        Assert.NotEmpty(_node.Killed); // asked again at once
    }

    // ------------------------------------------------------------ dropped, taken back

    [Fact]
    public void Drop_IsKilledAndItsRoomIsFreeWhenItsWorkerLetsGo()
    {
        Running(1);
        _node.Machine.Drop(Task(1), 2, Causes.Cancelled, _node.Now); // another attempt
        Assert.Empty(_node.Killed);
        _node.Machine.Drop(Task(1), 1, Causes.Cancelled, _node.Now);
        Assert.Equal((Task(1), 1, Causes.Cancelled), Assert.Single(_node.Killed));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.Beat(Names(Task(1), started: true));
        Assert.Equal(2, _node.Killed.Count);
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores);
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Empty(_node.Losses);
    }

    [Fact]
    public void Drain_WorkerDoesNotLetGo_IsNotWaitedForLongerThanASilentOne()
    {
        Running(1);
        _node.Run(_node.Machine.Cordon(Owner, "", TimeSpan.Zero));
        Beats(15);
        Assert.Empty(_node.Losses);
        Beats(1);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.Drained, false), Assert.Single(_node.Losses));
        Assert.Equal(3000, _node.Machine.Held.Free.MilliCores); // it may run there still
        _node.Beat();
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
        Assert.Single(_node.Losses);
    }

    [Fact]
    public void Drain_IsNotRepeatedWithEveryLook()
    {
        Running(1);
        _node.Run(_node.Machine.Cordon(Owner, "", TimeSpan.Zero));
        _node.Tick(3);
        Assert.Single(_node.Killed);
        Assert.Single(_node.Events.OfType<NodeEvent.TakenBack>());
    }

    [Fact]
    public void Overdue_IsTakenBackAsATimeout()
    {
        Running(1);
        Beats(89);
        Assert.Empty(_node.Killed);
        Beats(1);
        Assert.Equal((Task(1), 1, Causes.RunTimeout), _node.Killed[0]);
        Assert.Empty(_node.Losses);
        _node.Beat();
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.RunTimeout, false), Assert.Single(_node.Losses));
    }

    /// <summary>Kept for a silent machine and over by its own limit: nothing of it goes on there.</summary>
    [Fact]
    public void Overdue_KeptForASilentMachine_IsGivenUpAfterALeaseWhileADrainedOneIsKept()
    {
        _node.Connect();
        _node.Task(Task(1), seconds: 30, lease: 800);
        _node.Task(Task(2), seconds: 3000, lease: 800);
        _node.Take(NodeBench.Offer(Task(1)), NodeBench.Offer(Task(2)));
        _node.Beat(Names(Task(1), started: true), Names(Task(2), started: true));
        _node.Run(_node.Machine.Cordon(Owner, "", TimeSpan.FromSeconds(70)));
        _node.Tick(60);
        Assert.Empty(_node.Losses);
        _node.Tick(15);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.RunTimeout, false), Assert.Single(_node.Losses));
        _node.Tick(100);
        Assert.Single(_node.Losses); // the other may run until its lease is over
    }

    // ------------------------------------------------------------ cordons

    [Fact]
    public void Cordon_IsDurableAndTakesNothingNewWhileWhatRunsGoesOn()
    {
        Running(1);
        _node.TakeDone();
        _node.Run(_node.Machine.Cordon(Owner, "", null));
        Assert.Equal(["save Cordon"], _node.TakeDone());
        Assert.Equal(("cordoned by owner", false), (_node.Stored!.Cordoned, _node.View!.CanTakeWork));
        Assert.Equal("its owner or an admin put it aside", _node.View.Cordoned);
        _node.Tick(2);
        Assert.Empty(_node.Killed);
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(2))).Answers).Kind);

        _node.Run(_node.Machine.Uncordon(Owner));

        Assert.Equal("save Cordon", _node.TakeDone()[^1]);
        Assert.Equal(("", null, true), (_node.Stored!.Cordoned, _node.Stored.DrainDeadline, _node.View!.CanTakeWork));
        _node.Run(_node.Machine.Uncordon(Owner));
        Assert.Empty(_node.Done); // nothing to be written
    }

    [Fact]
    public void Cordon_NotHis_IsNotFound()
    {
        var stranger = new Caller("bob", "bob", Roles.User);
        Assert.Throws<HiveMindException>(() => _node.Run(_node.Machine.Cordon(stranger, "", null)));
        Assert.Throws<HiveMindException>(() => _node.Run(_node.Machine.Uncordon(stranger)));
        Assert.Empty(_node.Done);
    }

    /// <summary>Its owner is paid for what it runs: the hub's own finding ends with its time, or by an admin's word.</summary>
    [Fact]
    public void Failing_IsPutAsideForATimeThatOnlyAnAdminEndsSooner()
    {
        _node.Connect();
        Fail(5, Causes.WorkerFault);

        Assert.Single(_node.Events.OfType<NodeEvent.CordonedForFailures>());
        var shown = _node.Machine.Snapshot(_node.Now)!;
        Assert.Equal(_node.Now.Wall.AddMinutes(1), shown.CordonedUntil);
        Assert.False(_node.View!.CanTakeWork);
        Assert.Equal("CORDONED_BY_HUB", Assert.Throws<HiveMindException>(() => _node.Run(_node.Machine.Uncordon(Owner))).Reason);
        Assert.False(_node.View!.CanTakeWork);

        _node.Run(_node.Machine.Uncordon(Admin));

        Assert.True(_node.View!.CanTakeWork);
        Assert.Null(_node.Machine.Snapshot(_node.Now)!.CordonedUntil);
    }

    [Fact]
    public void Failing_ItsTimeIsOver_IsTriedAgain()
    {
        _node.Connect();
        Fail(5, Causes.WorkerFault);
        Beats(59);
        Assert.False(_node.View!.CanTakeWork);
        _node.Tick(1);
        Assert.True(_node.View!.CanTakeWork);
        Assert.Single(_node.Events.OfType<NodeEvent.TriedAgain>());
        _node.Tick(2);
        Assert.Single(_node.Events.OfType<NodeEvent.TriedAgain>());
    }

    /// <summary>A worker that leaves, or whose disk is full, hands back what it got: that is no failure of its own.</summary>
    [Fact]
    public void Failing_WhileItsWorkerLeaves_IsNoFailure()
    {
        _node.Connect();
        _node.Take([.. Enumerable.Range(1, 4).Select(i => Ready(i))]);
        _node.Machine.Drain(_node.Epoch, _node.Now);
        Report([.. Enumerable.Range(1, 4).Select(i => Ends(i, Causes.WorkerFault))]);
        _node.Connect();
        Fail(4, Causes.WorkerFault);
        Assert.Empty(_node.Events.OfType<NodeEvent.CordonedForFailures>());
        Fail(1, Causes.WorkerFault);
        Assert.Single(_node.Events.OfType<NodeEvent.CordonedForFailures>());

        TaskOffer Ready(int i)
        {
            _node.Task(Task(i));
            return NodeBench.Offer(Task(i));
        }
    }

    [Fact]
    public void DiskFull_TakesNothingNewUntilThereIsRoom()
    {
        _node.Connect();
        Say(isFull: true);
        Assert.Equal((false, "its disk is full"), (_node.View!.CanTakeWork, _node.View.Cordoned));
        Say(isFull: false);
        Assert.True(_node.View!.CanTakeWork);

        void Say(bool isFull)
        {
            _node.Machine.Heartbeat(_node.Epoch, _node.Link, [], new(0, 0, 0, isFull), _node.Now);
            _node.Tick(1);
        }
    }

    // ------------------------------------------------------------ what the scheduler is told

    [Fact]
    public void View_EachIsNewerThanTheLast()
    {
        _node.Connect();
        var first = _node.View!.Version;
        _node.Beat();
        Assert.True(_node.View!.Version > first);
        Assert.Equal(("a1", _node.Epoch), (_node.View.Activation, _node.View.Epoch));
    }

    /// <summary>One message at a time; what changes while it is under way goes with the next.</summary>
    [Fact]
    public void View_ChangesWhileOneIsUnderWay_ShareTheNext()
    {
        _node.Connect();
        var views = 0;
        _node.Machine.Disconnect(_node.Epoch, _node.Now);
        var (telling, tell) = _node.UntilBegun<TellScheduler>();
        Assert.False(tell.View!.CanTakeWork);
        for (var i = 0; i < 5; i++) _node.Machine.Heartbeat(_node.Epoch, _node.Link, [], new(0, 0, 0), _node.Now);
        Assert.Empty(_node.Begun);
        while (_node.Machine.Step(telling, _node.Now))
        {
            views++;
            Assert.True(((TellScheduler)telling.Current).View!.CanTakeWork);
        }
        Assert.Equal(1, views);
    }

    private static TaskOutcomeReport Ends(int task, string cause = Causes.Completed) => new() { TaskId = Task(task), Attempt = 1, Cause = cause };

    private IReadOnlyList<ReportVerdict> Report(params TaskOutcomeReport[] reports) => Report(reports, 0);

    private IReadOnlyList<ReportVerdict> Report(TaskOutcomeReport report, long epoch) => Report([report], epoch);

    private IReadOnlyList<ReportVerdict> Report(TaskOutcomeReport[] reports, long epoch) => _node.Ask<IReadOnlyList<ReportVerdict>>(reply => _node.Machine.Report(epoch, reports, reply));

    /// <summary>That many attempts end so, one after another.</summary>
    private void Fail(int count, string cause)
    {
        for (var i = 1; i <= count; i++)
        {
            _node.Task(Task(i));
            _node.Take(NodeBench.Offer(Task(i)));
            Report(Ends(i, cause));
        }
    }

    /// <summary>Second by second, with a look at the clock and a heartbeat that names all that its worker was given.</summary>
    private void Beats(int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            _node.Tick(1);
            _node.Beat([.. _node.Machine.Held.Attempts.Select(held => Names(held.TaskId, held.Attempt, started: true))]);
        }
    }

    /// <summary>That many tasks run there.</summary>
    private void Running(int count, bool started = true, double seconds = 60)
    {
        _node.Connect();
        for (var i = 1; i <= count; i++)
        {
            _node.Task(Task(i), seconds: seconds);
            _node.Take(NodeBench.Offer(Task(i)));
        }
        _node.Beat([.. Enumerable.Range(1, count).Select(i => Names(Task(i), started: started))]);
    }

    private bool Claim(TaskAssignment assignment) => _node.Ask<bool>(reply => _node.Machine.Claim(new(assignment.TaskId, assignment.Attempt, assignment), reply));

    private TaskSpec Check(int task, int attempt = 1) => _node.Ask<TaskSpec>(reply => _node.Machine.CheckAttempt(Task(task), attempt, reply));
}
