using CsCheck;
using HiveMind.Nodes;

namespace HiveMind.Tests.Nodes;

public sealed class TaskLeaseTests
{
    private static readonly TimeSpan Worker = TimeSpan.FromSeconds(12), Hub = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData(0, 15)]
    [InlineData(12, 15)]     // no longer than every run is kept
    [InlineData(13, 16)]     // never nearer to the worker's than the pool's is
    [InlineData(80, 90)]
    [InlineData(7200, 8100)]
    public void OfHub_IsTheLongerOne(int asked, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), TaskLease.OfHub(TimeSpan.FromSeconds(asked), Worker, Hub));

    /// <summary>Whatever was asked for: a worker whose clock is a tenth slow has stopped its run before the hub begins another.</summary>
    [Fact]
    public void OfHub_AnyLease_IsOverAfterTheWorkers_ByAClockThatIsATenthSlow() =>
        Gen.Select(Gen.Int[0, 86_400], Gen.Int[1, 500], Gen.Int[1, 100]).Sample((asked, worker, more) =>
        {
            var (own, pool) = (TimeSpan.FromSeconds(asked), TimeSpan.FromSeconds(worker));
            var hub = pool + TimeSpan.FromSeconds(Math.Max(more, worker / 4.0)); // as the defaults have it, and more
            var workers = own > pool ? own : pool;
            return TaskLease.OfHub(own, pool, hub) >= workers / 0.9 && TaskLease.OfHub(own, pool, hub) >= hub;
        });

    [Fact]
    public void Silence_OfAnEarlierActivation_IsBelievedAsFarAsClocksAre()
    {
        var now = new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
        Assert.Equal(TimeSpan.FromSeconds(5), TaskLease.Silence(TimeSpan.FromSeconds(5), null, now));
        Assert.Equal(TimeSpan.FromSeconds(5), TaskLease.Silence(TimeSpan.FromSeconds(5), now.AddMinutes(-50), now));
        Assert.Equal(TimeSpan.FromHours(1), TaskLease.Silence(TimeSpan.FromSeconds(5), now.AddHours(-2), now));
        Assert.Equal(TimeSpan.FromSeconds(5), TaskLease.Silence(TimeSpan.FromSeconds(5), now.AddHours(2), now));
    }
}
