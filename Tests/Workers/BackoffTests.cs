using CsCheck;
using HiveMind.Workers.Connection;

namespace HiveMind.Tests.Workers;

public sealed class BackoffTests
{
    [Fact]
    public void Next_AnySeed_DoublesWithJitterUpToFiveSeconds() => Gen.Int.Sample(seed =>
    {
        var backoff = Backoff.Default(new Random(seed));
        for (var failure = 0; failure < 40; failure++)
        {
            var whole = Math.Min(5000, 200 * Math.Pow(2, failure));
            Assert.InRange(backoff.Next().TotalMilliseconds, whole / 2, whole);
        }
    }, iter: 50);

    [Fact]
    public void Reset_AfterFailures_StartsSmallAgain()
    {
        var backoff = Backoff.Default(new Random(1));
        for (var failure = 0; failure < 6; failure++)
            backoff.Next();
        backoff.Reset();
        Assert.InRange(backoff.Next().TotalMilliseconds, 100, 200);
    }
}
