using System.CommandLine;
using System.Globalization;
using HiveMind.Protos;

namespace HiveMind.Cli;

/// <summary>`analytics`: how the tasks that ended lately went, by type or by node.</summary>
internal sealed class AnalyticsVerb : Verb
{
    private readonly Option<string> by = new("--by") { Description = "type or node.", HelpName = "WORD", DefaultValueFactory = _ => "type" };
    private readonly Option<int> hours = new("--hours") { Description = "Of the last so many hours (24; at most 2160).", HelpName = "N", DefaultValueFactory = _ => 24 };

    public AnalyticsVerb(Terminal terminal) : base("analytics", "Show how tasks went: counts, run and waiting times, credits.", terminal)
    {
        by.CompletionSources.Add("type", "node");
        Add(by);
        Add(hours);
    }

    /// <summary>The figures as scripts read them. Names are a promise: append only.</summary>
    public static object Shape(GetAnalyticsResponse answer) => new
    {
        answer.Since, answer.IsCut, ByType = answer.ByType.Select(Shape), ByNode = answer.ByNode.Select(Shape),
    };

    protected override async Task<int> Run(ParseResult parsed, CancellationToken stop)
    {
        var nodes = parsed.GetValue(by) switch
        {
            "node" => true,
            "type" => false,
            var word => throw CliException.Usage($"--by: '{word}' is neither type nor node."),
        };
        if (parsed.GetValue(hours) < 1) throw CliException.Usage("--hours: at least 1.");
        using var hub = await Connect(parsed, stop);
        var answer = await hub.Tasks.GetAnalyticsAsync(new GetAnalyticsRequest { Hours = parsed.GetValue(hours) }, cancellationToken: stop);
        var table = new TextTable(
            nodes ? "node" : "type", "completed", "failed", "run mean", "p50", "p95 (s)", "wait mean", "p50", "p95 (s)", "credits");
        foreach (var row in nodes ? answer.ByNode : answer.ByType)
        {
            table.Add(
                row.Name, Text(row.Completed), Text(row.Failed), Seconds(row.RunSeconds.Mean), Seconds(row.RunSeconds.P50), Seconds(row.RunSeconds.P95),
                Seconds(row.WaitSeconds.Mean), Seconds(row.WaitSeconds.P50), Seconds(row.WaitSeconds.P95), Words.Credits(row.Credits));
        }

        table.Show(Terminal, Shape(answer));
        Terminal.Hint($"Tasks that ended since {Words.Line(answer.Since)}{(answer.IsCut ? "; there were more before than are added up at once" : "")}.");
        return ExitCodes.Ok;
    }

    private static object Shape(AnalyticsRow row) => new
    {
        row.Name, row.Completed, row.Failed, RunSeconds = Shape(row.RunSeconds), WaitSeconds = Shape(row.WaitSeconds), row.Credits,
    };

    private static object Shape(TimeSpread spread) => new { spread.Mean, spread.P50, spread.P95 };

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(double seconds) => seconds.ToString("0.###", CultureInfo.InvariantCulture);
}
