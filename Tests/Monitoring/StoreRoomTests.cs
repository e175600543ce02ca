using HiveMind.Monitoring;

namespace HiveMind.Tests.Monitoring;

public sealed class StoreRoomTests
{
    private const long Gib = 1L << 30;

    [Theory]
    [InlineData(849, 1000, false)]
    [InlineData(850, 1000, true)]
    [InlineData(2000, 1000, true)]
    [InlineData(1_000_000, 0, false)] // no limit
    public void OfMemory_FromEightyFivePercent_IsShort(long used, long most, bool isShort) => Assert.Equal(isShort, StoreRoom.OfMemory(used, most) is not null);

    [Theory]
    [InlineData(60, 500, false)]
    [InlineData(2, 10, false)] // 80 %
    [InlineData(0, 100, true)]
    [InlineData(1, 100, false)] // 99 %, and still a whole GiB
    public void OfDisk_FromEightyFivePercentAndLittleLeft_IsShort(long freeGib, long wholeGib, bool isShort) =>
        Assert.Equal(isShort, StoreRoom.OfDisk("data", freeGib * Gib, wholeGib * Gib) is not null);

    [Fact]
    public void Read_RedisInfo_FindsTheTwoFigures()
    {
        var info = "# Memory\r\nused_memory:1014584\r\nused_memory_human:990.80K\r\nused_memory_peak:2000000\r\nmaxmemory:12582912\r\nmaxmemory_human:12.00M\r\n";
        Assert.Equal((1014584, 12582912), StoreRoom.Read(info));
        Assert.Equal((0, 0), StoreRoom.Read(""));
    }
}
