using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

/// <summary>The head that does not fit yet keeps a node; what slips in may not delay it.</summary>
public sealed class BackfillTests
{
    private readonly SchedulerCore _core = NewCore();

    private static PendingTask Small(string id, double seconds, int at) => new TaskBuilder(id).Cores(1).Runs(seconds).At(at);

    /// <summary>A node of 4 cores on which one runs for 60 s more; a task of all 4 waits since before the others.</summary>
    private void BigWaits(params PendingTask[] behind)
    {
        _core.Nodes(new NodeBuilder("n").Runs((Small("runs", 60, 0), 60)));
        _core.Enqueue(new TaskBuilder("big").Cores(4).Runs(600).At(1)).Enqueue(behind);
    }

    [Fact]
    public void Propose_SmallOneIsOverInTime_SlipsIn()
    {
        BigWaits(Small("short", 60, 2), Small("long", 61, 3));
        Assert.Equal(["short@n"], _core.Propose());
        Assert.Equal(("n", Now.AddSeconds(60).UtcTicks), Assert.Single(_core.Reservations.Select(kept => (kept.Node.NodeId, kept.Promise))));
    }

    [Fact]
    public void Propose_SmallOneThatNeverEnds_DoesNotSlipIn()
    {
        BigWaits(new TaskBuilder("no-limit").Cores(1).At(2));
        Assert.Empty(_core.Propose());
    }

    [Fact]
    public void Propose_BigLeavesRoomBesideIt_LongOnesFitThere()
    {
        _core.Nodes(new NodeBuilder("n").Runs((new TaskBuilder("runs").Cores(2), 60)));
        _core.Enqueue(new TaskBuilder("big").Cores(3).Runs(600).At(1), Small("one", 9000, 2), Small("two", 9000, 3));
        Assert.Equal(["one@n"], _core.Propose()); // 4 - 3 = 1 core is free beside it, and no more
    }

    [Fact]
    public void Propose_SeveralEndAtOneMoment_AllOfThemLeaveRoomBesideTheBigOne()
    {
        _core.Nodes(new NodeBuilder("n").Size(6).Runs((new TaskBuilder("one-ends").Cores(2), 60), (new TaskBuilder("another-ends").Cores(2), 60)));
        _core.Enqueue(new TaskBuilder("big").Cores(4).Runs(600).At(1), Small("one", 9000, 2), Small("two", 9000, 3));
        Assert.Equal(["one@n", "two@n"], _core.Propose()); // 6 - 4 = 2 cores beside it, though one end would do for it
    }

    [Fact]
    public void Propose_OtherNodes_AreNotKept()
    {
        BigWaits(Small("a", 9000, 2));
        _core.Nodes(new NodeBuilder("other").Size(1));
        Assert.Equal(["a@other"], _core.Propose());
    }

    [Fact]
    public void Propose_NodeIsFree_TheBigOneStartsBeforeAnybodyElse()
    {
        BigWaits(Small("b", 9000, 2));
        Assert.Empty(_core.Propose());
        for (var i = 0; i < 9; i++) _core.Enqueue(new TaskBuilder($"new{i}").Of($"user{i}").Cores(1).Runs(9000).At(3));
        _core.Nodes(new NodeBuilder("n").Version(2));
        Assert.Equal(["big@n"], _core.Propose());
    }

    [Fact]
    public void Propose_BigIsCancelled_RoomIsEverybodysAgain()
    {
        BigWaits(Small("b", 9000, 2));
        Assert.Empty(_core.Propose());
        _core.Remove("big");
        Assert.Equal(["b@n"], _core.Propose());
        Assert.Empty(_core.Reservations);
    }

    [Fact]
    public void Propose_KeptNodeIsLost_AnotherIsKept()
    {
        BigWaits(Small("b", 9000, 2));
        _core.Nodes(new NodeBuilder("m").Runs((Small("longer", 300, 0), 300)));
        Assert.Equal(["b@m"], _core.Propose()); // n is kept, m is free to take
        _core.NodeGone("n", Now);
        _core.Enqueue(Small("c", 9001, 4));
        Assert.Empty(_core.Propose());
        Assert.Empty(_core.Reservations); // m has its offer on its way
        var view = new NodeBuilder("m").Runs((Small("longer", 300, 0), 300), (Small("b", 9000, 2), 9000)).Version(2).Build();
        _core.Answer("m", view, ("b", OfferAnswerKind.Granted));
        Assert.Empty(_core.Propose());
        Assert.Equal("m", Assert.Single(_core.Reservations).Node.NodeId);
    }

    [Fact]
    public void Propose_OfSeveralNodes_TheOneThatIsFreeFirstIsKept()
    {
        _core.Nodes(
            new NodeBuilder("late").Runs((Small("l", 1, 0), 500)), new NodeBuilder("soon").Runs((Small("s", 1, 0), 50)), new NodeBuilder("small").Size(2));
        _core.Enqueue(new TaskBuilder("big").Cores(4).Runs(600).At(1), Small("a", 9000, 2), Small("b", 9000, 3), Small("c", 9000, 4), Small("d", 9000, 5),
            Small("e", 9000, 6), Small("f", 9000, 7));
        _core.Propose();
        Assert.Equal("soon", Assert.Single(_core.Reservations).Node.NodeId);
    }

    [Fact]
    public void NodeChanged_RunsEndBeforeTheirTimeouts_TheReservationMovesEarlier()
    {
        BigWaits(Small("b", 9000, 2));
        _core.Propose();
        _core.Nodes(new NodeBuilder("n").Runs((Small("runs", 60, 0), 20)).Version(2));
        var kept = Assert.Single(_core.Reservations);
        Assert.Equal((Now.AddSeconds(20).UtcTicks, Now.AddSeconds(60).UtcTicks), (kept.By, kept.Promise));
    }

    /// <summary>An end and a heartbeat that cross make a node look into a run: that costs nobody what was promised.</summary>
    [Fact]
    public void NodeChanged_KeptNodeSettlesForAMoment_GetsNothingNewAndStaysKept()
    {
        BigWaits(Small("b", 9000, 2));
        _core.Nodes(new NodeBuilder("m").Runs((Small("longer", 300, 0), 300)));
        Assert.Equal(["b@m"], _core.Propose());
        _core.Nodes(new NodeBuilder("n").Settling().Version(2)); // empty
        Assert.Empty(_core.Propose());
        Assert.Equal("n", Assert.Single(_core.Reservations).Node.NodeId);
        _core.Nodes(new NodeBuilder("n").Version(3));
        Assert.Equal(["big@n"], _core.Propose());
    }

    [Fact]
    public void Propose_HeadNeedsAGpu_PlainNodesAreNotKeptForIt()
    {
        _core.Nodes(new NodeBuilder("gpu").Size(4, 8192, 1).Free(4, 8192, 0), new NodeBuilder("plain"));
        _core.Enqueue(new TaskBuilder("wants-gpu").Gpus(1).Runs(60).At(1), Small("a", 9000, 2));
        Assert.Equal(["a@plain"], _core.Propose());
        Assert.Empty(_core.Reservations);
    }

    [Fact]
    public void Propose_HeadIsInfeasible_NothingIsKeptForIt()
    {
        _core.Nodes(new NodeBuilder("n"));
        _core.Enqueue(new TaskBuilder("huge").Cores(64).At(1), Small("a", 9000, 2));
        Assert.Equal(["a@n"], _core.Propose());
        Assert.Empty(_core.Reservations);
    }

    [Fact]
    public void Propose_StreamOfSmallTasksOnSixteenCores_TheBigOneStartsWithinOneTaskLength()
    {
        var running = new List<(PendingTask Task, double Ends)>();
        var (version, started, submitted) = (1L, -1.0, 0);
        for (var tick = 0; tick < 100 && started < 0; tick++)
        {
            var now = tick * 0.1; // seconds; each small task lasts one second, its timeout is an hour
            for (var i = 0; i < 2; i++) _core.Enqueue(new TaskBuilder($"s{++submitted:0000}").Of("stream").Cores(1).Memory(1).Runs(3600).At(tick), Now.AddSeconds(now));
            if (tick == 20) _core.Enqueue(new TaskBuilder("big").Of("big").Cores(16).Memory(1).Runs(3600).At(tick), Now.AddSeconds(now));
            running.RemoveAll(it => it.Ends <= now);
            _core.NodeChanged(Node(running, ++version), Now.AddSeconds(now));
            var offers = _core.Propose(Now.AddSeconds(now), int.MaxValue).SelectMany(offer => offer.Tasks).ToList();
            if (offers.Any(task => task.TaskId == "big")) started = now;
            running.AddRange(offers.Select(task => (task, now + 1)));
            _core.OfferAnswered("n", new([.. offers.Select(task => new OfferAnswer(task.TaskId, OfferAnswerKind.Granted))], Node(running, ++version)), Now.AddSeconds(now));
        }
        Assert.InRange(started, 2.0, 4.0);

        static NodeView Node(List<(PendingTask Task, double Ends)> running, long version) =>
            new NodeBuilder("n").Size(16).Runs([.. running.Select(it => (it.Task, it.Ends + 3599))]).Version(version);
    }

    [Fact]
    public void NodeChanged_ViewNamesWhatIsOnItsWay_ItIsNotTakenOffTwice()
    {
        BigWaits(Small("short", 60, 2));
        Assert.Equal(["short@n"], _core.Propose());

        _core.Nodes(new NodeBuilder("n").Runs((Small("runs", 60, 0), 60), (Small("short", 60, 2), 60)).Version(2));

        Assert.Equal(2000, _core.Pool.Find("n")!.Free.MilliCores);
        Assert.Single(_core.Reservations);
    }

    [Fact]
    public void Propose_TaskIsBackBeforeTheViewWithoutIt_IsOfferedThereAgainAndThePromiseStands()
    {
        BigWaits(Small("short", 60, 2));
        Assert.Equal(["short@n"], _core.Propose());
        _core.Answer("n", new NodeBuilder("n").Runs((Small("runs", 60, 0), 60), (Small("short", 60, 2), 60)).Version(2), ("short", OfferAnswerKind.Granted));
        var promise = Assert.Single(_core.Reservations).Promise;

        _core.Enqueue(Small("short", 60, 2));

        Assert.Equal(["short@n"], _core.Propose());
        Assert.Equal(promise, Assert.Single(_core.Reservations).Promise);
        _core.Answer("n", new NodeBuilder("n").Runs((Small("runs", 60, 0), 60)).Version(3), ("short", OfferAnswerKind.NotPending));
        Assert.Equal((0, 1), (_core.LoadOf("anna").Running - 1, _core.LoadOf("anna").Waiting));
    }
}
