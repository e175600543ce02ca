using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>What the runs of one worker share: its disk and its GPUs.</summary>
public sealed class SharedRoomTests
{
    private const long Mb = 1 << 20;

    [Fact]
    public void Disk_Reserved_IsItsOwnAndNoMore()
    {
        var share = new DiskShare(100);
        using var run = share.Claim(10);
        Assert.False(run.IsTooMuch(10 * Mb));
        Assert.True(run.IsTooMuch(10 * Mb + 1));
        Assert.Equal((10, "its 10 MB of disk"), (run.FileMb, run.Limit));
    }

    [Fact]
    public void Disk_NotReserved_SharesWhatReservationsLeaveOver()
    {
        var share = new DiskShare(100);
        using var reserved = share.Claim(60);
        using var small = share.Claim(0);
        using var large = share.Claim(0);
        Assert.False(small.IsTooMuch(10 * Mb));
        Assert.False(large.IsTooMuch(30 * Mb));
        Assert.False(small.IsTooMuch(11 * Mb)); // now there is too much, and most of it is the other's
        Assert.True(large.IsTooMuch(30 * Mb));
        Assert.False(reserved.IsTooMuch(60 * Mb));
        large.Dispose();
        Assert.False(small.IsTooMuch(40 * Mb));
        Assert.True(small.IsTooMuch(40 * Mb + 1));
        Assert.Equal((100, "the 100 MB of disk that this machine lends; reserve some with disk_mb"), (small.FileMb, small.Limit));
    }

    [Fact]
    public void Disk_NoLimit_IsNeverTooMuch()
    {
        Assert.False(DiskClaim.None.IsTooMuch(long.MaxValue));
        Assert.Equal(0, DiskClaim.None.FileMb);
    }

    [Fact]
    public void Gpus_TakenAndReturned_NeverTwiceAtOnce()
    {
        var slots = new GpuSlots(["a", "b", "c"]);
        var one = slots.Take(1)!;
        var two = slots.Take(2)!;
        Assert.Equal(["a", "b", "c"], one.Concat(two).Order());
        Assert.Null(slots.Take(1));
        Assert.Empty(slots.Take(0)!);
        slots.Return(two);
        Assert.Equal(two, slots.Take(2)!);
    }
}
