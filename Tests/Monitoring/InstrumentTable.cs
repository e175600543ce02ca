using System.Text.RegularExpressions;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Monitoring;

/// <summary>A row of docs/metrics.md.</summary>
internal sealed record InstrumentRow(string Name, string Kind, string Unit, IReadOnlySet<string> Labels, string Meaning)
{
    /// <summary>As OpenTelemetry's rules make a Prometheus name of it.</summary>
    public string PrometheusName
    {
        get
        {
            var name = Name.Replace('.', '_');
            var unit = Unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
            return name + unit + Kind switch { "counter" => "_total", "histogram" => "_count", _ => "" };
        }
    }
}

internal static partial class InstrumentTable
{
    public static IReadOnlyList<InstrumentRow> Read() => [.. Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "metrics.md")))
        .Select(row => new InstrumentRow(row.Groups[1].Value, row.Groups[2].Value, row.Groups[3].Value,
            Word().Matches(row.Groups[4].Value).Select(label => label.Groups[1].Value.Replace('.', '_')).ToHashSet(), row.Groups[5].Value))];

    [GeneratedRegex(@"^\| `([a-z_.]+)` \| (counter|gauge|histogram) \| `([^`]+)` \| ([^|]+) \| (.+) \|$", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("`([a-z_.]+)`")]
    private static partial Regex Word();
}
