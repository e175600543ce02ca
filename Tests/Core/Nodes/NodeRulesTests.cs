using CsCheck;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Nodes;

public sealed class NodeRulesTests
{
    [Fact]
    public void Reservations_AnySequence_NeverOversubscribe() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 9], Gen.Int[100, 3000], Gen.Int[64, 3000]).List[1, 60].Sample(steps =>
        {
            var room = new NodeReservations();
            room.Resize(new NodeCapabilities { CpuCores = 4, MemoryMb = 4096, GpuCount = 1, DiskMb = 5000 });
            foreach (var (reserve, id, cores, memory) in steps)
            {
                if (reserve) room.TryReserve(Run($"t{id}", new(cores, memory, 0) { DiskMb = memory }));
                else room.Release($"t{id}");
                if (room.Free.MilliCores < 0 || room.Free.MemoryMb < 0 || room.Free.DiskMb < 0) return false;
                var listed = room.Running.Aggregate(room.Free, (free, run) => free.Plus(run.Resources));
                if (listed != room.Total || room.Running.Count != room.Count) return false;
            }

            for (var id = 0; id < 10; id++) room.Release($"t{id}");
            return room.Free == room.Total && room.Running.Count == 0;
        });

    [Fact]
    public void Release_Twice_FreesOnce()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 1, MemoryMb = 100 });
        Assert.True(room.TryReserve(Run("t", new(1000, 100, 0))));

        Assert.True(room.Release("t"));
        Assert.False(room.Release("t"));
        Assert.Equal(room.Total, room.Free);
    }

    [Fact]
    public void Reserve_DiskOfANodeWithoutALimit_IsNeverShort()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 2, MemoryMb = 100 });

        Assert.True(room.TryReserve(Run("a", new(1000, 50, 0) { DiskMb = 64 << 20 })));
        Assert.True(room.TryReserve(Run("b", new(1000, 50, 0) { DiskMb = 64 << 20 })));
    }

    [Fact]
    public void Running_SaysForWhomAndUntilWhen_TheSameListUntilSomethingChanges()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 2, MemoryMb = 100 });
        var run = Run("t", new(1000, 100, 0));
        room.TryReserve(run);

        Assert.Equal(run, Assert.Single(room.Running));
        Assert.Same(room.Running, room.Running);
        room.SetEnd("t", Noon.AddMinutes(1));
        Assert.Equal(Noon.AddMinutes(1), Assert.Single(room.Running).EndsBy);
        room.SetEnd("other", Noon);
        Assert.Single(room.Running);
        room.Release("t");
        Assert.Empty(room.Running);
    }

    [Fact]
    public void Lease_NotRenewed_ExpiresAfterItsDurationOnTheMonotonicClock()
    {
        var lease = new NodeLease(At(15), At(60), At(0));
        Assert.False(lease.IsExpired(At(14)));
        lease.Renew(At(14));
        Assert.False(lease.IsExpired(At(28)));
        Assert.True(lease.IsExpired(At(29)));
    }

    [Fact]
    public void Lease_HubWasAway_BeginsAnewButNotForEver()
    {
        var lease = new NodeLease(At(15), At(1), At(0));
        var now = 0;
        for (var absence = 0; absence < NodeLease.MostAbsences; absence++)
        {
            now += 20;
            Assert.True(lease.Look(At(now)));
            Assert.False(lease.IsExpired(At(now)));
        }

        now += 20; // late for ever: a dead node must be called lost all the same
        Assert.True(lease.Look(At(now)));
        Assert.True(lease.IsExpired(At(now)));
        lease.Renew(At(now));
        now += 20;
        lease.Look(At(now));
        Assert.False(lease.IsExpired(At(now))); // it was heard in between
    }

    [Theory]
    [InlineData(4.0, false)]
    [InlineData(4.1, true)]
    public void Lease_LookThatIsLate_IsAnAbsenceFromThreeSecondsOn(double gap, bool isAbsence) =>
        Assert.Equal(isAbsence, new NodeLease(At(15), At(1), At(0)).Look(At(gap)));

    [Fact]
    public void Lease_LostSoonAfterAnAbsence_IsNotTheNodesDoingUnlessItWasGrantedSince()
    {
        var lease = new NodeLease(At(15), At(1), At(0));
        lease.Renew(At(15));
        lease.Renew(At(35)); // the first that is heard after it

        lease.Renew(At(38));
        Assert.False(lease.BlamesNode(At(15), At(38)));
        Assert.False(lease.BlamesNode(null, At(38)));
        Assert.True(lease.BlamesNode(At(38), At(38)));
        Assert.True(lease.BlamesNode(At(15), At(50)));
    }

    [Fact]
    public void Hold_MoreThanThereIs_IsCountedAndNothingNewFits()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 2, MemoryMb = 1000 });
        Assert.True(room.TryReserve(Run("new", new(1000, 100, 0))));

        Assert.True(room.Hold(Run("runs", new(2000, 100, 0))));
        Assert.False(room.Hold(Run("runs", new(2000, 100, 0))));

        Assert.Equal(-1000, room.Free.MilliCores);
        Assert.False(room.TryReserve(Run("other", new(1, 1, 0))));
        Assert.True(room.Release("runs"));
        Assert.Equal(1000, room.Free.MilliCores);
    }

    [Fact]
    public void Reconcile_PushedNeverNamed_IsPushedAgainOnlyAfterAWhile()
    {
        Assert.Empty(Reconcile(Holding(), [], after: 2).Push);
        Assert.Single(Reconcile(Holding(), [], after: 3).Push);
    }

    [Fact]
    public void Reconcile_PushedNeverNamedThatMayHaveBegun_IsNeverPushedAgain()
    {
        var plan = Reconcile(Holding(), [], after: 3, surelyNotBegun: false);

        Assert.Empty(plan.Push);
        Assert.Equal("a", Assert.Single(plan.Unsure).TaskId);
        Assert.Empty(Reconcile(Holding(), [], after: 2, surelyNotBegun: false).Unsure); // its push may just be under way
    }

    [Fact]
    public void HasSurelyNotBegun_OnlyOnTheSameStreamOnceAndBeforeTheWorkerCanHaveLetItGo()
    {
        var (lease, interval) = (At(12), At(3));
        var held = Holding();
        var pushed = held.Find("a")!;

        Assert.True(pushed.HasSurelyNotBegun(4, At(6), lease, interval));
        Assert.False(pushed.HasSurelyNotBegun(4, At(7), lease, interval));
        Assert.False(pushed.HasSurelyNotBegun(5, At(1), lease, interval));
        pushed.Pushed(At(3), again: true);
        Assert.False(pushed.HasSurelyNotBegun(4, At(4), lease, interval));
        var adopted = new HeldAttempts();
        adopted.Adopt(Assignment, Run("a", new(1, 1, 0)), At(0), null);
        Assert.False(adopted.Find("a")!.HasSurelyNotBegun(4, At(1), lease, interval));
    }

    [Fact]
    public void Reconcile_NamedAndThenMissing_IsGone()
    {
        var held = Holding();
        Reconcile(held, [new("a", 1, false)]);

        Assert.Equal(HeldPhase.Named, held.Find("a")!.Phase);
        Assert.Single(Reconcile(held, []).Gone);
    }

    [Fact]
    public void Reconcile_ProgramBegan_IsNewsOnceAndToBeToldUntilItsTaskKnows()
    {
        var held = Holding();

        Assert.Single(Reconcile(held, [new("a", 1, true)]).Begun);
        Assert.Empty(Reconcile(held, [new("a", 1, true)]).Begun);
        Assert.Equal(HeldPhase.Begun, held.Find("a")!.Phase);
        held.Find("a")!.Told();
        Assert.Empty(Reconcile(held, [new("a", 1, true)]).Begun);
        Assert.Equal(HeldPhase.Started, held.Find("a")!.Phase);
        Assert.Single(Reconcile(held, []).Gone);
    }

    [Fact]
    public void Reconcile_DroppedAndNamed_IsKilledAgain_AndMissingFreesItsRoom()
    {
        var held = Holding();
        Reconcile(held, [new("a", 1, false)]);
        held.Find("a")!.Drop();

        Assert.Single(Reconcile(held, [new("a", 1, true)]).Kill);
        Assert.Empty(Reconcile(held, [new("a", 1, true)]).Begun);
        var plan = Reconcile(held, []);
        Assert.Single(plan.Free);
        Assert.Empty(plan.Gone);
    }

    /// <summary>Its push may be under way still: its worker may begin it and name it only then.</summary>
    [Fact]
    public void Reconcile_DroppedAndNeverNamed_KeepsItsRoomAsLongAsItMayBeOnItsWay()
    {
        var held = Holding();
        held.Find("a")!.Drop();

        Assert.Empty(Reconcile(held, [], after: 2).Free);
        Assert.Single(Reconcile(held, [], after: 3).Free);
        Assert.Single(Reconcile(held, [new("a", 1, false)], after: 2).Kill);
        Assert.Single(Reconcile(held, [], after: 2).Free); // named once, and not any more
    }

    [Fact]
    public void Reconcile_OtherAttempt_IsKilledAndDoesNotCountAsNamed_AndUnknownIsLookedUp()
    {
        var held = Holding();
        Assert.Equal(7, Assert.Single(Reconcile(held, [new("a", 7, true)]).Kill).Attempt);
        Assert.Equal(HeldPhase.Pushed, held.Find("a")!.Phase);
        Assert.Single(Reconcile(held, [new("a", 7, true)], after: 3).Push);
        Assert.Equal("b", Assert.Single(Reconcile(held, [new("b", 1, true)]).Unknown).TaskId);
    }

    /// <summary>It is being granted: what names it is looked up, and the grant goes on.</summary>
    [Fact]
    public void Held_OnlyReserved_TakesRoomAndIsNoAttemptAndIsNotTakenUpBesideThat()
    {
        var held = new HeldAttempts();
        held.Resize(new NodeCapabilities { CpuCores = 1, MemoryMb = 100 });
        Assert.True(held.TryReserve(Run("a", new(1000, 100, 0))));
        Assert.False(held.TryReserve(Run("b", new(1, 1, 0))));

        Assert.Equal((0, true, null), (held.Count, held.Holds("a"), held.Find("a")));
        Assert.Single(Reconcile(held, [new("a", 1, true)]).Unknown);
        Assert.False(held.Adopt(Assignment, Run("a", new(1000, 100, 0)), At(1), new("a", 1, true)));
        Assert.NotNull(held.Grant(Assignment, At(1), 4, At(0)));
        Assert.Null(held.Grant(Assignment, At(1), 4, At(0))); // once
        Assert.Equal(1, held.Count);
        held.Release("a");
        Assert.Equal((0, held.Total), (held.Count, held.Free));
    }

    [Fact]
    public void Reserve_MoreDiskThanThereIs_IsRefused()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 4, MemoryMb = 4096, DiskMb = 1000 });
        Assert.False(room.TryReserve(Run("a", new(1000, 100, 0) { DiskMb = 1001 })));
        Assert.True(room.TryReserve(Run("a", new(1000, 100, 0) { DiskMb = 600 })));
        Assert.False(room.TryReserve(Run("b", new(1000, 100, 0) { DiskMb = 401 })));
    }

    [Fact]
    public void Held_MoreOfAnythingThanIsFree_IsNotReserved()
    {
        var held = new HeldAttempts();
        held.Resize(new NodeCapabilities { CpuCores = 2, MemoryMb = 1000, GpuCount = 1, DiskMb = 500 });
        foreach (var request in new ResourceRequest[] { new(2001, 1, 0), new(1, 1001, 0), new(1, 1, 2), new(1, 1, 0) { DiskMb = 501 } })
            Assert.False(held.TryReserve(Run("a", request)));
        Assert.True(held.TryReserve(Run("a", new(2000, 1000, 1) { DiskMb = 500 })));
    }

    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static RunningTask Run(string id, ResourceRequest resources) => new(id, "anna", TaskPriority.High, resources, Noon);

    private static TaskAssignment Assignment { get; } = new("a", 1, new TaskSpec { UserId = "u", TaskType = "noop", Payload = BlobRef.Empty, Resources = new(1, 1, 0) });

    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    /// <summary>Attempt 1 of "a", granted and pushed at 0 on connection 4.</summary>
    private static HeldAttempts Holding()
    {
        var held = new HeldAttempts();
        held.Resize(new NodeCapabilities { CpuCores = 1, MemoryMb = 100 });
        held.TryReserve(Run("a", new(1, 1, 0)));
        held.Grant(Assignment, At(0), 4, At(0));
        return held;
    }

    private static Reconciliation Reconcile(HeldAttempts held, IReadOnlyList<AttemptReport> running, double after = 0, bool surelyNotBegun = true) =>
        held.Reconcile(running, At(after), At(3), _ => surelyNotBegun);
}
