using CsCheck;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using Microsoft.Extensions.Time.Testing;

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
        var time = new FakeTimeProvider();
        var lease = new NodeLease(time, TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(1));
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(lease.IsExpired);
        lease.Renew();
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(lease.IsExpired);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(lease.IsExpired);
    }

    [Fact]
    public void Lease_HubWasAway_BeginsAnewButNotForEver()
    {
        var time = new FakeTimeProvider();
        var lease = new NodeLease(time, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(1));
        for (var absence = 0; absence < NodeLease.MostAbsences; absence++)
        {
            time.Advance(TimeSpan.FromSeconds(20));
            Assert.True(lease.Look());
            Assert.False(lease.IsExpired);
        }

        time.Advance(TimeSpan.FromSeconds(20)); // late for ever: a dead node must be called lost all the same
        Assert.True(lease.Look());
        Assert.True(lease.IsExpired);
        lease.Renew();
        time.Advance(TimeSpan.FromSeconds(20));
        lease.Look();
        Assert.False(lease.IsExpired); // it was heard in between
    }

    [Theory]
    [InlineData(4.0, false)]
    [InlineData(4.1, true)]
    public void Lease_LookThatIsLate_IsAnAbsenceFromThreeSecondsOn(double gap, bool isAbsence)
    {
        var time = new FakeTimeProvider();
        var lease = new NodeLease(time, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(gap));

        Assert.Equal(isAbsence, lease.Look());
    }

    [Fact]
    public void Lease_LostSoonAfterAnAbsence_IsNotTheNodesDoingUnlessItWasGrantedSince()
    {
        var time = new FakeTimeProvider();
        var lease = new NodeLease(time, TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(15));
        lease.Renew();
        var before = time.GetTimestamp();
        time.Advance(TimeSpan.FromSeconds(20));
        lease.Renew(); // the first that is heard after it

        time.Advance(TimeSpan.FromSeconds(3));
        lease.Renew();
        Assert.False(lease.BlamesNode(before));
        Assert.False(lease.BlamesNode(null));
        Assert.True(lease.BlamesNode(time.GetTimestamp()));
        time.Advance(TimeSpan.FromSeconds(12));
        Assert.True(lease.BlamesNode(before));
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
    public void Reconcile_WantedNeverSeen_IsPushedAgainOnlyAfterAWhile()
    {
        Assert.Empty(Reconcile([Wanted("a")], [], longAgo: false).Push);
        Assert.Single(Reconcile([Wanted("a")], [], longAgo: true).Push);
    }

    [Fact]
    public void Reconcile_WantedNeverSeenThatMayHaveBegun_IsNeverPushedAgain()
    {
        var plan = Reconcile([Wanted("a")], [], longAgo: true, surelyNotBegun: false);

        Assert.Empty(plan.Push);
        Assert.Equal("a", Assert.Single(plan.Unsure).TaskId);
        Assert.Empty(Reconcile([Wanted("a")], [], longAgo: false, surelyNotBegun: false).Unsure); // its push may just be under way
    }

    [Fact]
    public void HasSurelyNotBegun_OnlyOnTheSameStreamAndBeforeTheWorkerCanHaveLetItGo()
    {
        var (lease, interval) = (TimeSpan.FromSeconds(12), TimeSpan.FromSeconds(3));
        var pushed = Wanted("a") with { GrantedAt = 1, Epoch = 4 };

        Assert.True(pushed.HasSurelyNotBegun(4, TimeSpan.FromSeconds(6), lease, interval));
        Assert.False(pushed.HasSurelyNotBegun(4, TimeSpan.FromSeconds(7), lease, interval));
        Assert.False(pushed.HasSurelyNotBegun(5, TimeSpan.FromSeconds(1), lease, interval));
        Assert.False((pushed with { GrantedAt = null }).HasSurelyNotBegun(4, TimeSpan.FromSeconds(1), lease, interval));
    }

    [Fact]
    public void Reconcile_SeenAndMissing_IsGone() => Assert.Single(Reconcile([Wanted("a") with { Seen = true }], []).Gone);

    [Fact]
    public void Reconcile_NamedByTheWorker_IsSeen() => Assert.True(Assert.Single(Reconcile([Wanted("a")], [new("a", 1, false)]).Update).Seen);

    [Fact]
    public void Reconcile_DroppedAndNamed_IsKilledAgain_AndMissingFreesItsRoom()
    {
        var dropped = Wanted("a") with { Seen = true, Dropped = true };

        Assert.Single(Reconcile([dropped], [new("a", 1, true)]).Kill);
        Assert.Single(Reconcile([dropped], []).Free);
        Assert.Empty(Reconcile([dropped], []).Gone);
    }

    [Fact]
    public void Reconcile_OtherAttempt_IsKilled_AndUnknownIsLookedUp()
    {
        Assert.Equal(7, Assert.Single(Reconcile([Wanted("a")], [new("a", 7, true)]).Kill).Attempt);
        Assert.Equal("b", Assert.Single(Reconcile([], [new("b", 1, true)]).Unknown).TaskId);
    }

    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static RunningTask Run(string id, ResourceRequest resources) => new(id, "anna", TaskPriority.High, resources, Noon);

    private static WantedAttempt Wanted(string id) => new(
        new TaskAssignment(id, 1, new TaskSpec { UserId = "u", TaskType = "noop", Payload = BlobRef.Empty, Resources = new(1, 1, 0) }), 0);

    private static Reconciliation Reconcile(IEnumerable<WantedAttempt> wanted, IReadOnlyList<AttemptReport> running, bool longAgo = false, bool surelyNotBegun = true) =>
        WantedSet.Reconcile(wanted.ToDictionary(attempt => attempt.TaskId), running, _ => longAgo, _ => surelyNotBegun);
}
