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
            room.Resize(new NodeCapabilities { CpuCores = 4, MemoryMb = 4096, GpuCount = 1 });
            foreach (var (reserve, id, cores, memory) in steps)
            {
                if (reserve) room.TryReserve($"t{id}", new ResourceRequest(cores, memory, 0));
                else room.Release($"t{id}");
                if (room.Free.MilliCores < 0 || room.Free.MemoryMb < 0) return false;
            }

            for (var id = 0; id < 10; id++) room.Release($"t{id}");
            return room.Free == room.Total;
        });

    [Fact]
    public void Release_Twice_FreesOnce()
    {
        var room = new NodeReservations();
        room.Resize(new NodeCapabilities { CpuCores = 1, MemoryMb = 100 });
        Assert.True(room.TryReserve("t", new(1000, 100, 0)));

        Assert.True(room.Release("t"));
        Assert.False(room.Release("t"));
        Assert.Equal(room.Total, room.Free);
    }

    [Fact]
    public void Lease_NotRenewed_ExpiresAfterItsDurationOnTheMonotonicClock()
    {
        var time = new FakeTimeProvider();
        var lease = new NodeLease(time, TimeSpan.FromSeconds(15));
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(lease.IsExpired);
        lease.Renew();
        time.Advance(TimeSpan.FromSeconds(14));
        Assert.False(lease.IsExpired);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(lease.IsExpired);
    }

    [Fact]
    public void Reconcile_WantedNeverSeen_IsPushedAgainOnlyAfterAWhile()
    {
        Assert.Empty(Reconcile([Wanted("a")], [], longAgo: false).Push);
        Assert.Single(Reconcile([Wanted("a")], [], longAgo: true).Push);
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

    private static WantedAttempt Wanted(string id) => new(
        new TaskAssignment(id, 1, new TaskSpec { UserId = "u", TaskType = "noop", Payload = BlobRef.Empty, Resources = new(1, 1, 0) }), 0);

    private static Reconciliation Reconcile(IEnumerable<WantedAttempt> wanted, IReadOnlyList<AttemptReport> running, bool longAgo = false) =>
        WantedSet.Reconcile(wanted.ToDictionary(attempt => attempt.TaskId), running, _ => longAgo);
}
