using HiveMind.Scheduling;
using HiveMind.Storage;

namespace HiveMind.Tests.Scheduling;

/// <summary>Since when an entry has had no record, by the looks of one process.</summary>
public sealed class OrphanWatchTests
{
    private static readonly byte[] AsRead = [1], Anew = [2];

    private readonly OrphanWatch _watch = new();

    private static TimeSpan S(double seconds) => TimeSpan.FromSeconds(seconds);

    [Theory]
    [InlineData(60, false)]
    [InlineData(61, true)]
    public void IsOrphan_MetTwice_OnceABirthsTimeIsOver(double later, bool isOrphan)
    {
        Assert.False(_watch.IsOrphan("t", AsRead, S(5000))); // from its first look on, whatever the clock shows
        Assert.Equal(isOrphan, _watch.IsOrphan("t", AsRead, S(5000 + later)));
    }

    [Fact]
    public void IsOrphan_WrittenAnew_CountsFromThenOn()
    {
        _watch.IsOrphan("t", AsRead, S(0));
        Assert.False(_watch.IsOrphan("t", Anew, S(61)));
        Assert.False(_watch.IsOrphan("t", Anew, S(121)));
        Assert.True(_watch.IsOrphan("t", Anew, S(122)));
    }

    [Fact]
    public void IsOrphan_Another_IsCountedByItself()
    {
        _watch.IsOrphan("t", AsRead, S(0));
        Assert.False(_watch.IsOrphan("u", AsRead, S(61)));
        Assert.True(_watch.IsOrphan("t", AsRead, S(61)));
    }

    /// <summary>One that had a record meanwhile, and lost it, begins anew; what is there no more does not fill memory.</summary>
    [Theory]
    [InlineData(20, true)]
    [InlineData(21, false)]
    public void PassBegins_NotMetForSoManyPassesThatItsTurnCameTwice_IsForgotten(int passes, bool isKnown)
    {
        _watch.PassBegins(10);
        _watch.IsOrphan("t", AsRead, S(0));
        for (var i = 0; i < passes; i++) _watch.PassBegins(10);
        Assert.Equal(isKnown, _watch.IsOrphan("t", AsRead, S(61)));
    }

    [Fact]
    public void PassBegins_MetAgain_IsKnownFromItsFirstLookOn()
    {
        for (var i = 0; i < 60; i++)
        {
            _watch.PassBegins(1);
            Assert.False(_watch.IsOrphan("t", AsRead, S(i)));
        }
        Assert.True(_watch.IsOrphan("t", AsRead, S(61)));
    }

    /// <summary>The scheduler knows it, so a sweep looks at it only when its turn comes; its task was never born. It goes all the same, at its second turn.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(20_000)]
    public void Sweep_OrphanThatTheSchedulerKnows_IsRemovedThoughItIsSeldomLookedAt(long entries)
    {
        var entry = new UnfinishedEntry(new TaskBuilder("0123456789abcdef0123456789abcdef"), null) { Stored = AsRead };
        var steps = new SweepSteps(_watch, _ => { });
        var (period, every) = (S(10), SweepRules.CheckEvery(entries));
        var (clock, isRemoved, looks) = (TimeSpan.Zero, false, 0);
        for (var sweep = 1L; !isRemoved && clock < SweepRules.TrustBound + 2 * every * period + period; sweep++, clock += period)
        {
            _watch.PassBegins(every);
            if (!SweepRules.Examines(entry, knownToScheduler: true, sweep, every, TaskBuilder.Epoch + clock)) continue;
            looks++;
            var at = clock;
            foreach (var wait in steps.Mend(entry, () => at))
                if (wait is RemoveEntry remove) isRemoved = remove.IsRemoved = true;
        }
        Assert.Equal((true, 2), (isRemoved, looks));
    }

    /// <summary>So many more entries came that its turn is a later one than it was: that is no reason to forget it.</summary>
    [Fact]
    public void Sweep_TurnsBecomeRarerBetweenTwoLooks_IsKnownStill()
    {
        _watch.PassBegins(10);
        _watch.IsOrphan("t", AsRead, S(0));
        for (var i = 0; i < 15; i++) _watch.PassBegins(10);
        Assert.True(_watch.IsOrphan("t", AsRead, S(150)));
    }
}
