using HiveMind.Workers.Runs;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Workers;

public sealed class DiskRoomTests
{
    private readonly FakeTimeProvider _time = new();
    private DiskFree _free = new(10_000, 1_000_000);

    [Fact]
    public void IsFull_BelowALittle_UntilThereIsTwiceAsMuch()
    {
        var room = new DiskRoom(() => _free, _time);
        Assert.False(Later(room));
        Assert.False(Later(room, 256));
        Assert.True(Later(room, 255));
        Assert.True(Later(room, 511));
        Assert.False(Later(room, 512));
    }

    [Fact]
    public void IsFull_SmallDisk_ALittleIsLess()
    {
        _free = new(30, 1_000_000);
        var room = new DiskRoom(() => _free, _time);
        Assert.False(Later(room, 1));
        Assert.True(Later(room, 0));
        Assert.True(Later(room, 1));
        Assert.False(Later(room, 2));
    }

    [Fact]
    public void IsFull_NoNamesLeft_AsWithoutBytes()
    {
        var room = new DiskRoom(() => _free, _time);
        Assert.True(Later(room, 10_000, files: 999));
        Assert.False(Later(room, 10_000, files: long.MaxValue));
    }

    [Fact]
    public void Refused_IsFullWhateverIsFree_UntilTheNextLook()
    {
        var room = new DiskRoom(() => _free, _time);
        Assert.False(Later(room));
        room.Refused();
        Assert.True(room.IsFull);
        Assert.False(Later(room));
    }

    [Fact]
    public void Free_OfARealFolder_IsKnown()
    {
        var free = DiskFree.Of(Path.GetTempPath());
        Assert.InRange(free.Mb, new DriveInfo(Path.GetTempPath()).AvailableFreeSpace / 2 >> 20, long.MaxValue - 1);
        Assert.Equal(DiskFree.Unknown, DiskFree.Of("/nowhere/at/all"));
    }

    private bool Later(DiskRoom room, long? mb = null, long? files = null)
    {
        _free = new(mb ?? _free.Mb, files ?? 1_000_000);
        _time.Advance(TimeSpan.FromSeconds(2));
        return room.IsFull;
    }
}
