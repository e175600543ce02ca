using System.Text.Json;
using HiveMind.Cli;

namespace HiveMind.Tests.Processes;

/// <summary>The main job as a stranger starts it.</summary>
public sealed class DemoTests
{
    [Fact]
    public async Task Demo_OnThisRepository_CountsRightThroughAKilledWorker()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var files = await TextFiles.Find(TextFiles.DefaultInput(AppContext.BaseDirectory), CancellationToken.None);
        var words = files.Sum(file => WordCounter.Count(File.ReadAllBytes(file)));

        using var demo = HivemindProcess.Start(null, "demo", "--input", Repository.Root, "--json");
        var exitCode = await demo.Exited(TimeSpan.FromSeconds(150));

        Assert.True(exitCode == 0, $"ended with {exitCode}:\n{demo.Output}");
        var report = JsonDocument.Parse(demo.Output[demo.Output.IndexOf('{', StringComparison.Ordinal)..]).RootElement;
        Assert.Equal(words, report.GetProperty("words").GetInt64());
        Assert.True(report.GetProperty("tasks_repeated").GetInt32() > 0, demo.Output);
        var shares = report.GetProperty("shares").EnumerateArray().ToList();
        Assert.Equal(2, shares.Count);
        Assert.All(shares, share => Assert.True(
            share.GetProperty("tasks_completed").GetInt32() > 0 && share.GetProperty("credits_earned").GetDouble() > 0, demo.Output));
    }
}
