using System.Net;
using HiveMind.Edge;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Gateway;

public sealed class EdgeRulesTests
{
    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData("192.0.2.7", "192.0.2.7")]
    [InlineData("::ffff:192.0.2.7", "192.0.2.7")]
    [InlineData("::1", "::1")]
    [InlineData("2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2::1", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:3::1", "2001:db8:1:3::/64")]
    public void GroupOf_AnAddress_IsThePlaceItComesFrom(string address, string group) => Assert.Equal(group, Addresses.GroupOf(IPAddress.Parse(address)));

    [Fact]
    public async Task Budget_MoreThanThereIs_WaitsItsTurnAndGetsIt()
    {
        var budget = new ByteBudget(100, 80, TimeSpan.FromSeconds(20), _time);
        await budget.Take("a", 80, default);
        var second = budget.Take("b", 60, default);
        Assert.True(budget.HasWaiting);
        budget.Return("a", 80);
        await second;
        Assert.Equal((60, false), (budget.Taken, budget.HasWaiting));
    }

    [Fact]
    public async Task Budget_PayerAtItsOwnLimit_HoldsUpNobodyElse()
    {
        var budget = new ByteBudget(100, 50, TimeSpan.FromSeconds(20), _time);
        await budget.Take("a", 50, default);
        var greedy = budget.Take("a", 20, default);
        var modest = budget.Take("b", 20, default);
        Assert.True(modest.IsCompletedSuccessfully);
        Assert.False(greedy.IsCompleted);
        budget.Return("a", 50);
        await greedy;
        Assert.Equal(40, budget.Taken);
    }

    [Fact]
    public async Task Budget_NoRoomInTime_SaysWhenToComeBackAndForgetsTheWaiter()
    {
        var budget = new ByteBudget(100, 100, TimeSpan.FromSeconds(20), _time);
        await budget.Take("a", 100, default);
        var waiting = budget.Take("b", 10, default);
        _time.Advance(TimeSpan.FromSeconds(20));
        var refused = await Assert.ThrowsAsync<HiveMindException>(() => waiting);
        Assert.Equal((FailureKind.ResourceExhausted, "MESSAGES_IN_FLIGHT"), (refused.Kind, refused.Reason));
        Assert.NotNull(refused.RetryAfter);
        budget.Return("a", 100);
        Assert.Equal((0, false), (budget.Taken, budget.HasWaiting));
    }

    [Fact]
    public async Task Budget_MoreWaitersOfOnePayerThanItsConnectionCanBear_AreRefusedAtOnce()
    {
        var budget = new ByteBudget(100, 100, TimeSpan.FromSeconds(20), _time);
        await budget.Take("a", 100, default);
        var waiting = Enumerable.Range(0, ByteBudget.MostWaitingPerPayer).Select(_ => budget.Take("a", 10, default)).ToArray();
        Assert.Equal("MESSAGES_IN_FLIGHT", (await Assert.ThrowsAsync<HiveMindException>(() => budget.Take("a", 10, default))).Reason);
        var other = budget.Take("b", 10, default);
        budget.Return("a", 100);
        await Task.WhenAll([.. waiting, other]);
        Assert.Equal(60, budget.Taken);
    }

    [Fact]
    public async Task Budget_WaiterGoesAway_IsForgotten()
    {
        var budget = new ByteBudget(100, 100, TimeSpan.FromSeconds(20), _time);
        await budget.Take("a", 100, default);
        using var gone = new CancellationTokenSource();
        var waiting = budget.Take("b", 10, gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        budget.Return("a", 100);
        Assert.Equal((0, false), (budget.Taken, budget.HasWaiting));
    }

    [Fact]
    public void Pace_FastStartThenSilence_IsTooSlowAfterOneWindow()
    {
        var pace = new CallPace();
        Assert.Equal(PaceVerdict.Fine, Sent(pace, 50_000_000, 10));
        Assert.Equal(PaceVerdict.Fine, Sent(pace, 50_000_000, 19));
        Assert.Equal(PaceVerdict.TooSlow, Sent(pace, 50_000_000, 20));
    }

    [Fact]
    public void Pace_AtTheLeastRate_IsFineForEver()
    {
        var pace = new CallPace();
        for (var at = 10; at < 600; at += 10) Assert.Equal(PaceVerdict.Fine, Sent(pace, at * 4096L, at));
    }

    [Fact]
    public void Pace_InTheWayOfOthers_MustHurry()
    {
        var pace = new CallPace();
        Assert.Equal(PaceVerdict.TooSlow, pace.OfSending(500_000, TimeSpan.FromSeconds(5), true, isInTheWay: true, 4096));
        Assert.Equal(PaceVerdict.Fine, new CallPace().OfSending(5_000_000, TimeSpan.FromSeconds(5), true, isInTheWay: true, 4096));
    }

    [Fact]
    public void Pace_SilenceThatDoesNotCount_OnlyDribbleIsTooSlow()
    {
        Assert.Equal(PaceVerdict.Fine, new CallPace().OfSending(0, TimeSpan.FromSeconds(15), silenceCounts: false, false, 4096));
        Assert.Equal(PaceVerdict.TooSlow, new CallPace().OfSending(3, TimeSpan.FromSeconds(15), silenceCounts: false, false, 4096));
    }

    [Fact]
    public void Pace_AnswerThatNobodyReads_IsGivenUp()
    {
        var pace = new CallPace();
        Assert.Equal(PaceVerdict.Fine, pace.OfReading(TimeSpan.FromSeconds(100)));
        Assert.Equal(PaceVerdict.Fine, pace.OfReading(TimeSpan.FromSeconds(130)));
        Assert.Equal(PaceVerdict.NotRead, pace.OfReading(TimeSpan.FromSeconds(131)));
    }

    [Fact]
    public void Pace_AnswerThatIsNotReadAndInTheWay_IsGivenUpSooner()
    {
        var pace = new CallPace();
        Assert.Equal(PaceVerdict.Fine, pace.OfReading(TimeSpan.FromSeconds(100), isInTheWay: true));
        Assert.Equal(PaceVerdict.Fine, pace.OfReading(TimeSpan.FromSeconds(105), isInTheWay: true));
        Assert.Equal(PaceVerdict.Fine, pace.OfReading(TimeSpan.FromSeconds(106), isInTheWay: false));
        Assert.Equal(PaceVerdict.NotRead, pace.OfReading(TimeSpan.FromSeconds(106), isInTheWay: true));
    }

    private static PaceVerdict Sent(CallPace pace, long bytes, double waited) => pace.OfSending(bytes, TimeSpan.FromSeconds(waited), true, false, 4096);
}
