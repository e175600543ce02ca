using HiveMind.Storage;

namespace HiveMind.Tests.Files;

public sealed class CollectRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private static readonly CollectLimits Limits = new(TimeSpan.FromHours(6), TimeSpan.FromDays(30), TimeSpan.FromHours(24), 0);

    [Theory]
    // hours since touched, in use, days since the last end (negative: none), days the database knows of outputs
    [InlineData(5.9, false, -1, 100, nameof(FileVerdict.Keep))]
    [InlineData(6, false, -1, 100, nameof(FileVerdict.Orphan))]
    [InlineData(9000, true, -1, 1000, nameof(FileVerdict.Keep))]
    [InlineData(9000, true, 100, 1000, nameof(FileVerdict.Keep))]
    [InlineData(700, false, 29, 1000, nameof(FileVerdict.Keep))]
    [InlineData(720, false, 30, 1000, nameof(FileVerdict.Expired))]
    [InlineData(5, false, 30, 1000, nameof(FileVerdict.Keep))]
    [InlineData(100, false, -1, 1, nameof(FileVerdict.Keep))]
    [InlineData(721, false, -1, 1, nameof(FileVerdict.Expired))]
    public void Of_AgeUseAndEnd_Decide(double touchedHours, bool inUse, double endedDays, double knownDays, string expected)
    {
        var facts = Facts("a", 1, touchedHours, inUse, endedDays);
        Assert.Equal(expected, CollectRules.Of(facts, Now, Now.AddDays(-knownDays), Limits).ToString());
    }

    [Fact]
    public void BeyondSize_TooMuch_TheLongestEndedGoFirstAndNoMoreThanNeeded()
    {
        FileFacts[] kept = [Facts("new", 40, 9, false, 1), Facts("old", 30, 9, false, 9), Facts("older", 30, 9, false, 10), Facts("used", 90, 9, true, 20), Facts("none", 90, 9, false, -1)];

        Assert.Equal(["older", "old"], Gone(280, 240));
        Assert.Equal(["older"], Gone(280, 250));
        Assert.Empty(Gone(280, 280));
        Assert.Empty(Gone(280, 0));
        Assert.Equal(["older", "old", "new"], Gone(280, 1)); // what is in use stays, however little room there is

        IEnumerable<string> Gone(long total, long max) =>
            CollectRules.BeyondSize(kept, total, Limits with { MaxBytes = max }).Select(fact => fact.File.Sha256);
    }

    private static FileFacts Facts(string hash, long size, double touchedHours, bool inUse, double endedDays) => new(
        new StoredFile(hash, size, Now.AddHours(-touchedHours)), inUse, endedDays < 0 ? null : Now.AddDays(-endedDays));
}
