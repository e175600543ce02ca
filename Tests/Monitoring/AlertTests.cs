using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Monitoring;

/// <summary>The alert rules are read by Prometheus and fire when they should.</summary>
public sealed class AlertTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "deploy", "prometheus");

    [Theory]
    [InlineData("check", "rules", "alerts.yml")]
    [InlineData("check", "config", "prometheus.yml")]
    [InlineData("test", "rules", "alerts.test.yml")]
    public async Task Promtool_OfTheDeployFiles_Accepts(string verb, string what, string file)
    {
        var (exitCode, said) = await Promtool.Run("", verb, what, Path.Combine(Folder, file));

        Assert.True(exitCode == 0, said);
    }

    [Fact]
    public void Alerts_EachOne_SaysWhatToDo()
    {
        var rules = File.ReadAllText(Path.Combine(Folder, "alerts.yml")).Split("- alert:").Skip(1).ToList();

        Assert.NotEmpty(rules);
        Assert.All(rules, rule => Assert.True(rule.Contains("severity:", StringComparison.Ordinal) && rule.Contains("summary:", StringComparison.Ordinal)
            && rule.Contains("action:", StringComparison.Ordinal), rule));
    }
}
