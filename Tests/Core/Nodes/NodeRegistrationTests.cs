using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Tests.Nodes;

/// <summary>Whose machine it is, which start of its worker holds it, and what becomes of it when its owner may not lend it any more.</summary>
public sealed class NodeRegistrationTests
{
    private static readonly Caller Owner = new(NodeBench.Owner, NodeBench.Owner, Roles.User), Stranger = new("bob", "bob", Roles.User), Admin = new("root", "root", Roles.Admin);

    private readonly NodeBench _node = new();

    private static AttemptReport Names(string id, int attempt = 1, bool started = false) => new(id, attempt, started);

    private static string Task(int number) => number.ToString("x32", System.Globalization.CultureInfo.InvariantCulture);

    private static NodeRegistration Registration(Caller? caller = null, string machine = "", string type = NodeTypes.Worker) =>
        new(caller ?? Owner, type, "host", 0, NodeBench.Registered.Capabilities) { MachineId = machine };

    // ------------------------------------------------------------ registration

    /// <summary>Listed first: what is in no list is told to nobody, and a list that has one too many is put right.</summary>
    [Fact]
    public void Register_New_IsListedBeforeItIsStored()
    {
        var node = new NodeBench(isThere: false);
        node.Run(node.Machine.Register(Registration(), [7]));

        Assert.Equal(["list", "save Registration"], node.Done);
        Assert.Equal((0L, NodeBench.Owner, NodeBench.Noon, (int?)SlowStart.Nothing), (node.Stored!.Epoch, node.Stored.OwnerId, node.Stored.TokenCreatedAt, node.Stored.EarnedShare));
        Assert.Equal("online", node.Machine.Snapshot(node.Now)!.Status);
    }

    [Fact]
    public void Register_WriteFails_ThereIsNoSuchNode()
    {
        var node = new NodeBench(isThere: false);
        var (register, _) = node.Until<SaveNode>(node.Machine.Register(Registration(), [7]));
        register.Dispose();
        Assert.Null(node.Machine.Record);
        Assert.Null(node.Machine.Snapshot(node.Now));
        Assert.True(node.Left);
    }

    [Fact]
    public void Register_Again_HasAnotherTokenAndClosesWhatTheOlderOneOpenedOnceThatIsDurable()
    {
        _node.Connect();
        var epoch = _node.Epoch;
        _node.Task(Task(1));
        var (register, _) = _node.Until<SaveNode>(_node.Machine.Register(Registration(), [7]));
        Assert.Empty(_node.Closed);
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind); // to whom would it be pushed?
        _node.GoOn(register);

        Assert.Equal("TOKEN_ROTATED", Assert.Single(_node.Closed));
        Assert.Equal(epoch + 1, _node.Epoch);
        Assert.DoesNotContain("list", _node.Done);
        Assert.Equal("STALE_EPOCH", Assert.Throws<HiveMindException>(() => _node.Machine.Heartbeat(epoch, _node.Link, [], new(0, 0, 0), _node.Now)).Reason);
        Assert.Throws<HiveMindException>(() => CheckToken([1]));
        Assert.Equal(new NodeIdentity(NodeBench.Id, NodeBench.Owner), CheckToken([7]));
    }

    [Fact]
    public void Register_ByAnotherAccount_IsDeniedAndChangesNothing()
    {
        Assert.Equal("NODE_OF_ANOTHER_OWNER", Refused(_node.Machine.Register(Registration(Stranger), [7])));
        Assert.Empty(_node.Done);
    }

    /// <summary>Machines of one host name do not take each other's node.</summary>
    [Fact]
    public void Register_FromAMachine_LeavesTheNodeToOneThatIsConnectedOrIsAnother()
    {
        _node.Run(_node.Machine.Register(Registration(machine: "m1"), [7]));
        Assert.Equal("NODE_OF_ANOTHER_MACHINE", Refused(_node.Machine.Register(Registration(machine: "m2"), [8])));
        _node.Connect();
        Assert.Equal("NODE_IN_USE", Refused(_node.Machine.Register(Registration(machine: "m1"), [8])));
        _node.Pass(8); // two heartbeats and two seconds
        _node.Run(_node.Machine.Register(Registration(machine: "m1"), [8]));
        Assert.Equal(8, Assert.Single(_node.Stored!.TokenHash));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Unregister_ItsIdStaysWithItsOwnerIfItHasAPast(bool hasPast)
    {
        _node.Connect();
        _node.HasPast = hasPast;
        _node.Task(Task(1));
        _node.Take(NodeBench.Offer(Task(1)));
        _node.TakeDone();

        _node.Run(_node.Machine.Unregister(Owner));

        Assert.Equal(["save Verdict", "close NODE_REMOVED", "losses", "reminder off", "forget", "unlist"], _node.TakeDone());
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeRemoved, false), Assert.Single(_node.Losses));
        Assert.Equal((hasPast, true), (_node.Stored is { Removed: true }, _node.Left));
        Assert.Null(_node.Machine.Record);
        _node.Wake();
        if (hasPast) Assert.Equal("NODE_OF_ANOTHER_OWNER", Refused(_node.Machine.Register(Registration(Stranger), [7])));
        else _node.Run(_node.Machine.Register(Registration(Stranger), [7]));
        if (!hasPast) return;
        var epoch = _node.Epoch;
        _node.Run(_node.Machine.Register(Registration(), [7]));
        Assert.Equal((epoch + 1, false), (_node.Epoch, _node.Stored!.Removed)); // words of before are not taken for the new one's
        Assert.Equal(["list", "save Registration"], _node.Done);
    }

    [Fact]
    public void Unregister_NotHis_IsNotFound()
    {
        Assert.Equal(FailureKind.NotFound, Assert.Throws<HiveMindException>(() => _node.Run(_node.Machine.Unregister(Stranger))).Kind);
        Assert.False(_node.Left);
        _node.Run(_node.Machine.Unregister(Admin));
        Assert.Null(_node.Stored);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<HiveMindException>(() => _node.Run(_node.Machine.Unregister(Owner))).Kind);
    }

    [Fact]
    public void RevokeToken_IsDurableBeforeItsLeaseIsEnded()
    {
        _node.Connect();
        _node.Task(Task(1), lease: 80);
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1)));
        _node.TakeDone();

        _node.Run(_node.Machine.RevokeToken(Owner));

        Assert.Equal(["save Token", "save Verdict", "close NODE_REMOVED", "losses"], _node.Done);
        Assert.Throws<HiveMindException>(() => CheckToken([1]));
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeRemoved, false), Assert.Single(_node.Losses)); // nothing is kept for one that cannot come back
    }

    [Fact]
    public void RevokeToken_OfOneThatIsSilentAndIsKeptFor_EndsWhatIsKept()
    {
        _node.Connect();
        _node.Task(Task(1), lease: 80);
        _node.Take(NodeBench.Offer(Task(1)));
        _node.Beat(Names(Task(1)));
        _node.Tick(15);
        Assert.Empty(_node.Losses);

        _node.Run(_node.Machine.RevokeToken(Owner));

        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeRemoved, false), Assert.Single(_node.Losses));
    }

    // ------------------------------------------------------------ token and owner

    [Fact]
    public void CheckToken_TooOld_IsRefused()
    {
        var node = new NodeBench(policy: NodeBench.Policy with { TokenMaxAge = TimeSpan.FromHours(1) });
        node.Pass(3599);
        Assert.Equal(NodeBench.Owner, node.Ask<NodeIdentity>(reply => node.Machine.CheckToken([1], reply)).OwnerId);
        Assert.Equal(NodeBench.Noon.AddHours(1), node.Machine.Snapshot(node.Now)!.TokenEndsAt);
        node.Pass(1);
        Assert.Throws<HiveMindException>(() => node.Ask<NodeIdentity>(reply => node.Machine.CheckToken([1], reply)));
    }

    [Fact]
    public void CheckToken_NoSuchNode_IsRefusedAndLeavesMemory()
    {
        var node = new NodeBench(isThere: false);
        Assert.Throws<HiveMindException>(() => node.Ask<NodeIdentity>(reply => node.Machine.CheckToken([1], reply)));
        Assert.True(node.Left);
    }

    /// <summary>A wrong secret asks nobody; a right one asks for its owner every few seconds only.</summary>
    [Fact]
    public void CheckToken_AsksForTheOwnerAtMostEveryThreeSeconds()
    {
        Assert.Throws<HiveMindException>(() => CheckToken([2]));
        Assert.Empty(_node.Done);
        CheckToken([1]);
        _node.Pass(2.9);
        CheckToken([1]);
        Assert.Equal(["owner"], _node.Done);
        _node.Pass(0.1);
        _node.OwnerIsActive = false;
        Assert.Throws<HiveMindException>(() => CheckToken([1]));
        Assert.Equal(["owner", "owner"], _node.Done);
    }

    [Fact]
    public void CheckToken_RevokedWhileItsOwnerIsAskedFor_IsRefused()
    {
        var (check, _) = _node.Until<AskOwner>(_node.Machine.CheckToken([1], new Reply<NodeIdentity>()));
        _node.Run(_node.Machine.RevokeToken(Owner));
        Assert.Throws<HiveMindException>(() => _node.GoOn(check));
    }

    /// <summary>Not known is not inactive; and it is asked again the next time.</summary>
    [Fact]
    public void CheckToken_OwnerCannotBeAskedFor_WhatWasLastKnownGoesOn()
    {
        _node.OwnerIsActive = null;
        Assert.Equal(NodeBench.Owner, CheckToken([1]).OwnerId);
        Assert.Equal(NodeBench.Owner, CheckToken([1]).OwnerId);
        Assert.Equal(["owner", "owner"], _node.Done);
    }

    [Fact]
    public void OwnerChanged_Deactivated_EndsItsLeaseAtNoCostToOthers()
    {
        _node.Connect();
        _node.Task(Task(1), user: "anna", lease: 80);
        _node.Take(NodeBench.Offer(Task(1), "anna"));
        _node.Beat(Names(Task(1), started: true));
        _node.TakeDone();
        _node.OwnerIsActive = false;

        _node.Run(_node.Machine.OwnerChanged());

        Assert.Equal(["owner", "save Verdict", "close NODE_SUSPENDED", "losses"], _node.Done);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeSuspended, false), Assert.Single(_node.Losses));
        Assert.True(_node.Stored!.Suspended);
        var verdict = Assert.Single(Report(new TaskOutcomeReport { TaskId = Task(1), Attempt = 1 }, epoch: 0));
        Assert.Equal((ReportVerdictKind.Stale, Causes.NodeSuspended), (verdict.Kind, verdict.Reason)); // what it has finished is paid to nobody
        Assert.Throws<HiveMindException>(() => _node.Connect());
    }

    [Fact]
    public void OwnerChanged_ActiveAgain_ConnectsAsBefore()
    {
        _node.OwnerIsActive = false;
        _node.Run(_node.Machine.OwnerChanged());
        Assert.Equal(["owner", "save Owner"], _node.TakeDone());
        _node.Wake(); // what is stored is what is known at first
        _node.OwnerIsActive = null;
        Assert.Throws<HiveMindException>(() => CheckToken([1]));
        _node.TakeDone();
        _node.OwnerIsActive = true;

        _node.Run(_node.Machine.OwnerChanged());

        Assert.Equal(["owner", "save Owner"], _node.Done);
        _node.Connect();
        Assert.True(_node.View!.CanTakeWork);
    }

    [Fact]
    public void OwnerChanged_NoSuchNode_LeavesMemory()
    {
        var node = new NodeBench(isThere: false);
        node.Run(node.Machine.OwnerChanged());
        Assert.True(node.Left);
        Assert.Empty(node.Done);
    }

    /// <summary>Where the word of it got lost: the look at the clock asks, and the next one acts on it.</summary>
    [Fact]
    public void Tick_OwnerIsInactive_EndsItsLease()
    {
        _node.Connect();
        _node.OwnerIsActive = false;
        _node.Tick(2);
        _node.Beat();
        Assert.True(_node.Stored!.HoldsLease);
        _node.Tick(2);
        Assert.Equal((true, false), (_node.Stored!.Suspended, _node.Stored.HoldsLease));
    }

    // ------------------------------------------------------------ connection

    [Fact]
    public void Connect_NewEpochIsDurableAndWatchedOverBeforeTheOlderOneIsClosed()
    {
        _node.Connect();
        _node.TakeDone();
        var welcome = _node.Ask<NodeWelcome>(reply => _node.Machine.Connect(new object(), _node.Stored!.Capabilities, [], null, reply));

        Assert.Equal(["owner", "save Connection", "close STALE_EPOCH"], _node.TakeDone());
        Assert.Equal(new NodeWelcome(2, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12)), welcome);
        var node = new NodeBench();
        node.Connect();
        Assert.Equal(["owner", "save Connection", "reminder on"], node.Done);
        Assert.True(node.Stored!.HoldsLease);
    }

    [Fact]
    public void Connect_WriteFails_NobodyIsClosedAndNothingIsPushed()
    {
        _node.Connect();
        _node.Task(Task(1));
        var (connect, _) = _node.Until<SaveNode>(_node.Machine.Connect(new object(), _node.Stored!.Capabilities, [], null, new Reply<NodeWelcome>()));
        connect.Dispose();
        Assert.Empty(_node.Closed);
        Assert.Equal(1, _node.Machine.Record!.Epoch);
    }

    /// <summary>Granted under the older epoch, while the new one is being written: it is pushed on neither, and closed at no cost once it is clear that none has it.</summary>
    [Fact]
    public void Connect_WhileATaskIsGranted_PushesItOnNeitherStream()
    {
        _node.Connect();
        _node.Task(Task(1));
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        var newer = new object();
        var (connect, _) = _node.Until<SaveNode>(_node.Machine.Connect(newer, _node.Stored!.Capabilities, [], null, new Reply<NodeWelcome>()));
        _node.GoOn(offer);
        Assert.Empty(_node.Pushed);
        _node.GoOn(connect);
        Assert.Empty(_node.Pushed);

        _node.Pass(3);
        _node.Beat();

        Assert.Empty(_node.Pushed);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.HubAway, false), Assert.Single(_node.Losses));
    }

    [Fact]
    public void Connect_GrantIsAnsweredUnderTheNewEpoch_IsClosedAtNoCost()
    {
        _node.Connect();
        _node.Task(Task(1));
        var (offer, _) = _node.Until<AskGrants>(_node.Machine.Offer([NodeBench.Offer(Task(1))], new Reply<OfferResult>()));
        _node.Connect();

        _node.GoOn(offer);

        Assert.Empty(_node.Pushed);
        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeLost, false), Assert.Single(_node.Losses));
        Assert.Equal(_node.Machine.Held.Total, _node.Machine.Held.Free);
    }

    [Fact]
    public void Connect_NoWorkerOrNoNode_IsRefused()
    {
        var master = new NodeBench(NodeBench.Registered with { NodeType = NodeTypes.Master });
        Assert.Equal("NOT_A_WORKER", Assert.Throws<HiveMindException>(() => master.Connect()).Reason);
        var none = new NodeBench(isThere: false);
        Assert.Equal(FailureKind.NotFound, Assert.Throws<HiveMindException>(() =>
            none.Run(none.Machine.Connect(none.Link, new(), [], null, new Reply<NodeWelcome>()))).Kind);
    }

    /// <summary>One start holds the node while it is heard; another learns whether it is dead or lives.</summary>
    [Fact]
    public void Connect_AnotherStartWhileTheFirstIsHeard_WaitsAndIsThenRefused()
    {
        Connect("a");
        Assert.Equal("NODE_HELD", Assert.Throws<HiveMindException>(() => Connect("b")).Reason);
        Assert.IsType<NodeEvent.HeldOff>(_node.Events[^1]);
        _node.Pass(3);
        _node.Beat();
        Assert.Equal("NODE_IN_USE", Assert.Throws<HiveMindException>(() => Connect("b")).Reason);
        Assert.Empty(_node.Closed);
        Connect("c", "a"); // it follows on that machine
        Assert.Equal("STALE_EPOCH", Assert.Single(_node.Closed));
    }

    [Fact]
    public void Leave_InOrder_LetsTheNextStartInAtOnce()
    {
        Connect("a");
        _node.Run(_node.Machine.Leave(_node.Epoch - 1));
        Assert.Equal("a", _node.Stored!.Instance);
        _node.Run(_node.Machine.Leave(_node.Epoch));
        Assert.Equal("", _node.Stored!.Instance);
        Connect("b");
        Assert.Equal("b", _node.Stored!.Instance);
    }

    /// <summary>It does not say which start it is and cuts off one that lives: what that ran is gone by nobody's fault.</summary>
    [Fact]
    public void Connect_CutsOffOneThatLives_WhatIsNotNamedIsTakenOver()
    {
        _node.Connect();
        for (var i = 1; i <= 3; i++)
        {
            _node.Task(Task(i));
            _node.Take(NodeBench.Offer(Task(i)));
        }
        _node.Beat(Names(Task(1)), Names(Task(2))); // the third is on its way

        _node.Connect(Names(Task(2)));

        Assert.Equal(new LostAttempt(Task(1), 1, Causes.NodeTakenOver, false), Assert.Single(_node.Losses));
        Assert.Equal(2, _node.Machine.Held.Count);
    }

    [Fact]
    public void Disconnect_OfTheLastConnectionOnly_TakesNothingNewAndKeepsTheLease()
    {
        _node.Connect();
        _node.Machine.Disconnect(_node.Epoch - 1, _node.Now);
        Assert.True(_node.Machine.Snapshot(_node.Now)!.Connected);
        _node.Machine.Disconnect(_node.Epoch, _node.Now);
        Assert.Equal((false, true), (_node.Machine.Snapshot(_node.Now)!.Connected, _node.Stored!.HoldsLease));
        Assert.Equal(OfferAnswerKind.NoRoom, Assert.Single(_node.Take(NodeBench.Offer(Task(1))).Answers).Kind);
    }

    [Fact]
    public void TouchUnary_CountsForALeaseAndMaySayThatItLeaves()
    {
        _node.Machine.TouchUnary(Owner, null, new(0, 0, 0), _node.Now);
        Assert.Equal("online", _node.Machine.Snapshot(_node.Now)!.Status);
        _node.Pass(15);
        Assert.Equal("offline", _node.Machine.Snapshot(_node.Now)!.Status);
        _node.Machine.TouchUnary(Owner, "offline", new(0, 0, 0), _node.Now);
        Assert.Equal("offline", _node.Machine.Snapshot(_node.Now)!.Status);
        Assert.Throws<HiveMindException>(() => _node.Machine.TouchUnary(Stranger, null, new(0, 0, 0), _node.Now));
        _node.Machine.TouchUnary(Admin, null, new(0, 0, 0), _node.Now);
        Assert.Equal("online", _node.Machine.Snapshot(_node.Now)!.Status);
    }

    private void Connect(string start, params string[] succeeds) =>
        _node.Run(_node.Machine.Connect(_node.Link, _node.Stored!.Capabilities, [], new WorkerStart(start, succeeds), new Reply<NodeWelcome>()));

    private NodeIdentity CheckToken(byte[] hash) => _node.Ask<NodeIdentity>(reply => _node.Machine.CheckToken(hash, reply));

    private IReadOnlyList<ReportVerdict> Report(TaskOutcomeReport report, long? epoch = null) =>
        _node.Ask<IReadOnlyList<ReportVerdict>>(reply => _node.Machine.Report(epoch ?? _node.Epoch, [report], reply));

    private string Refused(IEnumerable<Effect> command) => Assert.Throws<HiveMindException>(() => _node.Run(command)).Reason;
}
