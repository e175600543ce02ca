using CsCheck;
using HiveMind.Hosting;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Hosting;

public sealed class SteadyTimeTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void At_WallClockThatIsRight_IsTheWallClock()
    {
        var piece = SteadyTime.StartingAt(TimeSpan.FromSeconds(50), Noon);
        for (var second = 1; second <= 1000; second++) piece = piece.Next(TimeSpan.FromSeconds(50 + second), Noon.AddSeconds(second));

        Assert.Equal(Noon.AddSeconds(1000), piece.Time);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void At_WallClockSteppedByAnHour_FollowsByFiveMillisecondsASecond(int hours)
    {
        var piece = SteadyTime.StartingAt(TimeSpan.Zero, Noon);
        for (var second = 1; second <= 601; second++) piece = piece.Next(TimeSpan.FromSeconds(second), Noon.AddHours(hours).AddSeconds(second));

        // The first second had not seen it.
        Assert.Equal(Noon.AddSeconds(601) + hours * TimeSpan.FromSeconds(600 * SteadyTime.Slew), piece.Time);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(-0.5)]
    public void At_StepMadeUpFor_IsTheWallClockAgain(double seconds)
    {
        var piece = SteadyTime.StartingAt(TimeSpan.Zero, Noon);
        for (var second = 1; second <= 200; second++) piece = piece.Next(TimeSpan.FromSeconds(second), Noon.AddSeconds(second + seconds));

        Assert.Equal(Noon.AddSeconds(200 + seconds), piece.Time);
    }

    /// <summary>Whatever the wall clock does: no duration is off by more than the slew, and it never goes back.</summary>
    [Fact]
    public void At_AnyStepsOfTheWallClock_DurationsAreRight() =>
        Gen.Select(Gen.Long[1, TimeSpan.TicksPerMinute], Gen.Long[-2 * TimeSpan.TicksPerHour, 2 * TimeSpan.TicksPerHour]).Array[1, 50].Sample(steps =>
        {
            var (elapsed, piece) = (TimeSpan.Zero, SteadyTime.StartingAt(TimeSpan.Zero, Noon));
            foreach (var (passed, off) in steps)
            {
                var before = piece.At(elapsed);
                elapsed += TimeSpan.FromTicks(passed);
                if (piece.IsOver(elapsed)) piece = piece.Next(elapsed, Noon + elapsed + TimeSpan.FromTicks(off));
                var took = (piece.At(elapsed) - before).Ticks;
                Assert.InRange(took, (long)(passed * (1 - SteadyTime.Slew)) - 1, (long)(passed * (1 + SteadyTime.Slew)) + 1);
                Assert.True(took >= 0);
            }
        });

    [Fact]
    public void Clock_WallClockSteppedBackAndForth_GoesOn()
    {
        var wall = new FakeTimeProvider(Noon) { AutoAdvanceAmount = TimeSpan.Zero };
        var elapsed = TimeSpan.Zero;
        var clock = new SteadyClock(() => elapsed, wall);
        var last = clock.GetUtcNow();
        foreach (var step in new[] { -60, 60, 120, -120 })
        {
            wall.AdjustTime(Noon + elapsed + TimeSpan.FromMinutes(step));
            elapsed += TimeSpan.FromSeconds(1);
            var now = clock.GetUtcNow();
            Assert.InRange((now - last).TotalSeconds, 0.99, 1.01);
            last = now;
        }

        Assert.InRange(clock.Off.TotalMinutes, -121, -119);
    }

    [Fact]
    public void OfProcess_TheMachinesClocks_GoesOnWithThem()
    {
        Assert.InRange(SteadyClock.OfProcess.Off.TotalSeconds, -5, 5);
        var (began, at) = (SteadyClock.OfProcess.GetTimestamp(), SteadyClock.OfProcess.GetUtcNow());
        while (SteadyClock.OfProcess.GetElapsedTime(began) < TimeSpan.FromMilliseconds(150)) Thread.SpinWait(1000);
        Assert.InRange((SteadyClock.OfProcess.GetUtcNow() - at).TotalMilliseconds, 140, 2000);
    }
}
