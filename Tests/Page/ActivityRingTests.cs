using HiveMind.Storage;
using HiveMind.Web.Figures;

namespace HiveMind.Tests.Page;

public sealed class ActivityRingTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 5, TimeSpan.Zero);

    private readonly ActivityRing _ring = new();

    [Fact]
    public void Points_NothingSeen_AreAQuarterOfAnHourOfNothing()
    {
        var points = _ring.Points(Now);

        Assert.Equal(ActivityRing.Slots, points.Count);
        Assert.Equal(Now.AddSeconds(-5), points[^1].From);
        Assert.Equal(points[^1].From - ActivityRing.Length + ActivityRing.SlotLength, points[0].From);
        Assert.All(points, point => Assert.Equal((0, null, null), (point.Completed, point.Waiting, point.Running)));
    }

    [Fact]
    public void Ended_SlotGivenAgain_ReplacesWhatWasKnown()
    {
        _ring.Ended([Slot(Now, completed: 3, started: 2, waitedMs: 4000)]);
        _ring.Ended([Slot(Now, completed: 5, started: 4, waitedMs: 8000)]);

        var last = _ring.Points(Now)[^1];

        Assert.Equal((5, 2.0), (last.Completed, last.MeanWaitSeconds));
    }

    [Fact]
    public void Seen_TwiceInASlot_KeepsTheLater()
    {
        _ring.Seen(Now, 7, 1);
        _ring.Seen(Now.AddSeconds(2), 3, 2);

        var last = _ring.Points(Now.AddSeconds(2))[^1];

        Assert.Equal((3L, 2L), (last.Waiting, last.Running));
    }

    [Fact]
    public void Points_AfterDays_HoldNoMoreThanTheRing()
    {
        for (var i = 0; i < 20_000; i++)
        {
            var at = Now + i * ActivityRing.SlotLength;
            _ring.Ended([Slot(at, completed: 1)]);
            _ring.Seen(at, i, 0);
            if (i % 10 == 0) _ring.Points(at);
        }

        var points = _ring.Points(Now + 19_999 * ActivityRing.SlotLength);

        Assert.Equal(ActivityRing.Slots, points.Count);
        Assert.All(points, point => Assert.Equal(1, point.Completed));
        Assert.Equal(ActivityRing.Slots, _ring.Remembered);
    }

    [Fact]
    public void AskFrom_AfterTheFirstTime_OnlyWhatCanStillGrow()
    {
        Assert.Equal(Now.AddSeconds(-5) - ActivityRing.Length + ActivityRing.SlotLength, _ring.AskFrom(Now, null));
        Assert.Equal(Now.AddSeconds(-15), _ring.AskFrom(Now.AddSeconds(2), Now));
        Assert.Equal(_ring.AskFrom(Now, null), _ring.AskFrom(Now, Now.AddHours(-1)));
    }

    private static EndedSlot Slot(DateTimeOffset at, long completed = 0, long started = 0, long waitedMs = 0) =>
        new(at.ToUnixTimeMilliseconds() / 10_000, completed, 0, 0, 0, started, waitedMs, waitedMs);
}
