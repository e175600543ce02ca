using HiveMind.Benchmarks;

namespace HiveMind.Tests.Monitoring;

/// <summary>What the soak says of figures that grow, and of those that do not.</summary>
public sealed class SoakVerdictTests
{
    [Fact]
    public void Of_WarmsUpThenStays_LevelsOff() => Assert.All(SoakVerdict.Of(Samples(i => 200_000_000 + Math.Min(i, 15) * 8_000_000)), figure => Assert.True(figure.IsLevel, figure.Line));

    [Fact]
    public void Of_GrowsOn_Says() =>
        Assert.Contains(SoakVerdict.Of(Samples(i => 200_000_000 + i * 8_000_000)), figure => !figure.IsLevel && figure.Line.Contains("resident memory of the silo", StringComparison.Ordinal));

    [Fact]
    public void Of_DescriptorsLeakOneByOne_Says() =>
        Assert.Contains(SoakVerdict.Of([.. Enumerable.Range(0, 60).Select(i => new SoakSample(TimeSpan.FromSeconds(30 * i)) { Descriptors = 200 + i })]),
            figure => !figure.IsLevel && figure.Line.Contains("descriptors of the silo", StringComparison.Ordinal));

    [Fact]
    public void Of_TooFewLooks_IsNoVerdict() => Assert.All(SoakVerdict.Of(Samples(_ => 1)[..2]), figure => Assert.False(figure.IsLevel));

    private static List<SoakSample> Samples(Func<int, long> resident) =>
        [.. Enumerable.Range(0, 60).Select(i => new SoakSample(TimeSpan.FromSeconds(30 * i)) { SiloResident = resident(i) })];
}
