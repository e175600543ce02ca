using HiveMind.Users;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Users;

/// <summary>How failures slow down whom they are counted for, and nobody else.</summary>
public sealed class LoginLimitTests
{
    private const string Stranger = "203.0.113.9", Elsewhere = "198.51.100.4";
    private readonly FakeTimeProvider _clock = new();
    private readonly LoginGate _gate;

    public LoginLimitTests() => _gate = new LoginGate(_clock);

    [Fact]
    public void Guesses_OfOneStranger_TenAtOnceAndAboutAHundredADay()
    {
        var guesses = 0;
        for (var second = 0; second < 24 * 3600; second += 5)
        {
            while (Admits("alice", Stranger)) guesses++;
            if (second == 0) Assert.Equal(10, guesses);
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.InRange(guesses, 20, 110);
    }

    [Fact]
    public void Guesses_OfAThousandAddresses_AboutAHundredADayTogether()
    {
        var guesses = 0;
        for (var minute = 0; minute < 24 * 60; minute++)
        {
            for (var i = 0; i < 10; i++)
                if (Admits("alice", $"10.0.{minute % 100}.{i}")) guesses++;
            _clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.InRange(guesses, 20, 120);
    }

    [Fact]
    public void Owner_WhileAStrangerGuesses_IsLetInFromAKnownAddressAndFromANewOne()
    {
        for (var i = 0; i < 1000; i++) Admits("alice", Stranger);

        _gate.Admit("alice", Elsewhere, known: true).IsNoFailure();
        _gate.Admit("alice", "198.51.100.5", known: false).IsNoFailure();
        Assert.False(Admits("alice", Stranger));
    }

    [Fact]
    public void Refusals_AreNotCounted_SoAskingDoesNotProlongTheWait()
    {
        while (Admits("alice", Stranger)) { }
        var wait = Refusal("alice", Stranger).RetryAfter!.Value;
        for (var i = 0; i < 1000; i++) Admits("alice", Stranger);

        _clock.Advance(wait);

        Assert.True(Admits("alice", Stranger));
    }

    [Fact]
    public void Waits_AfterTheFreeOnes_DoubleUpToTheLongest()
    {
        var pace = new FailurePace(2, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8), TimeSpan.FromHours(1));
        var (count, now) = (default(FailureCount), TimeSpan.Zero);
        var waits = new List<double>();
        for (var i = 0; i < 7; i++)
        {
            now += pace.Wait(count, now);
            count = pace.Charge(count, now);
            waits.Add(pace.Wait(count, now).TotalSeconds);
        }

        Assert.Equal([0, 1, 2, 4, 8, 8, 8], waits);
        Assert.Equal(TimeSpan.Zero, pace.Wait(count, now + TimeSpan.FromHours(7)));
    }

    [Fact]
    public void OneAddress_TryingManyAccounts_IsSlowedToo()
    {
        var tries = Enumerable.Range(0, 1000).Count(i => Admits($"user{i}", Stranger));

        Assert.Equal(LoginGate.OfAddress.Free, tries);
        Assert.True(Admits("user1", Elsewhere));
    }

    [Fact]
    public void RightPasswords_NeverAddUp()
    {
        for (var i = 0; i < 1000; i++) _gate.Admit("alice", Stranger, known: false).IsNoFailure();
    }

    [Fact]
    public void Counts_FullOfOthers_ForgetTheOldestAndStayBounded()
    {
        var counts = new FailureCounts(LoginGate.OfAddress, limit: 100);
        for (var i = 0; i < 10_000; i++) counts.Charge($"{i}", TimeSpan.FromSeconds(i));

        Assert.InRange(counts.Count, 1, 100);
        Assert.True(counts.HasFailed("9999", TimeSpan.FromSeconds(9999)));
    }

    [Theory]
    [InlineData("203.0.113.9", "203.0.113.9")]
    [InlineData("::ffff:203.0.113.9", "203.0.113.9")]
    [InlineData("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")]
    [InlineData("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64")]
    [InlineData("::1", "::1")]
    [InlineData("no address", "unknown")]
    [InlineData(null, "unknown")]
    public void Network_OfAnAddress(string? address, string network) => Assert.Equal(network, ClientNetwork.Of(address));

    [Fact]
    public void Registrations_OfOneAddress_ADaysWorthAndThenWithTheTimeToWait()
    {
        var allowance = new RegistrationAllowance(Options.Create(new HubOptions { Auth = { RegistrationsPerAddress = 24 } }), _clock);
        for (var i = 0; i < 24; i++) allowance.Take(Stranger);

        var refusal = Assert.Throws<HiveMindException>(() => allowance.Take(Stranger));
        Assert.Equal((FailureKind.ResourceExhausted, TimeSpan.FromHours(1)), (refusal.Kind, refusal.RetryAfter));
        allowance.Take(Elsewhere).GiveBack();
        _clock.Advance(refusal.RetryAfter!.Value);
        allowance.Take(Stranger);
        Assert.Throws<HiveMindException>(() => allowance.Take(Stranger));
    }

    private bool Admits(string account, string network)
    {
        try
        {
            _gate.Admit(account, network, known: false);
            return true;
        }
        catch (HiveMindException)
        {
            return false;
        }
    }

    private HiveMindException Refusal(string account, string network)
    {
        var refusal = Assert.Throws<HiveMindException>(() => _gate.Admit(account, network, known: false));
        Assert.Equal((FailureKind.ResourceExhausted, "TOO_MANY_FAILURES"), (refusal.Kind, refusal.Reason));
        return refusal;
    }
}
