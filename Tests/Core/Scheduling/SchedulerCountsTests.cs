using HiveMind.Scheduling;

namespace HiveMind.Tests.Scheduling;

public sealed class SchedulerCountsTests
{
    /// <summary>The three numbers are not of one moment: less than none never runs.</summary>
    [Theory]
    [InlineData(0, 0, 0, 0)]
    [InlineData(10, 4, 0, 6)]
    [InlineData(10, 4, 6, 0)]
    [InlineData(10, 4, 1, 5)]
    [InlineData(3, 4, 0, 0)]
    [InlineData(3, 0, 5, 0)]
    public void Running_OfWhatIsUnfinished_IsWhatNeitherWaitsNorHasEnded(long unfinished, int pending, long settling, long running) =>
        Assert.Equal(running, new SchedulerCounts(pending, 1).Running(unfinished, settling));
}
