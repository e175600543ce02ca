using CsCheck;
using HiveMind.Nodes;

namespace HiveMind.Tests.Nodes;

public sealed class SlowStartTests
{
    private static NodeCapabilities Cores(double cores) => new() { CpuCores = cores, MemoryMb = 4096 };

    [Theory]
    [InlineData(8, 0.5, 2)]
    [InlineData(8, 1, 2)]
    [InlineData(8, 4, 4)]
    [InlineData(8, 8, 8)]
    [InlineData(8, 4096, 8)] // what it says of its size is only its word
    [InlineData(8, 1e300, 8)]
    [InlineData(1, 64, 2)]
    [InlineData(100, 64, 64)]
    public void Share_NewNode_IsItsCoresWithinBounds(int most, double cores, int share) =>
        Assert.Equal(share, new SlowStart(most) { Earned = SlowStart.Nothing }.Share(Cores(cores)));

    [Fact]
    public void Share_RecordOfOld_OrNoLimitAsked_IsWhole()
    {
        Assert.Null(new SlowStart(8).Share(Cores(4)));
        Assert.Null(new SlowStart(0) { Earned = SlowStart.Nothing }.Share(Cores(4)));
        Assert.Null(new SlowStart(0) { Earned = 16 }.Share(Cores(4))); // switched off afterwards
    }

    [Theory]
    [InlineData(1, new[] { 2, 4, 8 })] // 16 are more than ten on its core
    [InlineData(4, new[] { 4, 8, 16, 32 })]
    [InlineData(64, new[] { 8, 16, 32, 64, 128, 256, 512 })]
    public void Succeeded_DoublesUpToItsWholeSize(double cores, int[] shares)
    {
        var start = new SlowStart(8) { Earned = SlowStart.Nothing };
        foreach (var share in shares)
        {
            Assert.Equal(share, start.Share(Cores(cores)));
            start.Succeeded(Cores(cores));
        }
        Assert.Null(start.Share(Cores(cores)));
        Assert.Null(start.Earned);
        start.Succeeded(Cores(cores));
        Assert.Null(start.Earned);
    }

    [Fact]
    public void Failed_GoesBackToTheStart_WhateverWasEarned()
    {
        foreach (var earned in new int?[] { null, 0, 8, 512 })
        {
            var start = new SlowStart(8) { Earned = earned };
            start.Failed();
            Assert.Equal(4, start.Share(Cores(4)));
        }
        var off = new SlowStart(0);
        off.Failed();
        Assert.Null(off.Earned); // nothing is written for a rule that is off
    }

    [Fact]
    public void AnyHistory_ShareIsAtLeastTwo_AndWholeAfterFewSuccesses() =>
        Gen.Select(Gen.Int[1, 10_000], Gen.Double[0.1, 4096], Gen.Bool.List[0, 40]).Sample((most, cores, ends) =>
        {
            var start = new SlowStart(most) { Earned = SlowStart.Nothing };
            foreach (var good in ends)
            {
                if (good) start.Succeeded(Cores(cores));
                else start.Failed();
                if (start.Share(Cores(cores)) is < SlowStart.Fewest) return false;
            }
            for (var i = 0; i < 16; i++) start.Succeeded(Cores(cores));
            return start.Share(Cores(cores)) is null;
        });
}
