using System.Globalization;
using System.Text.RegularExpressions;

namespace HiveMind.Tests.Monitoring;

/// <summary>What `/metrics` said once.</summary>
internal sealed partial class Scrape
{
    private readonly List<(string Name, string Labels, double Value)> _samples;

    public Scrape(string text)
    {
        Text = text;
        _samples = [.. Sample().Matches(text).Select(line => (line.Groups[1].Value, line.Groups[2].Value,
            double.Parse(line.Groups[3].Value, CultureInfo.InvariantCulture)))];
    }

    public string Text { get; }

    /// <summary>Names of samples: a histogram's three each.</summary>
    public IReadOnlySet<string> Names => _samples.Select(sample => sample.Name).ToHashSet();

    public static async Task<Scrape> Of(string address)
    {
        using var http = new HttpClient();
        return new(await http.GetStringAsync($"{address}/metrics"));
    }

    /// <summary>The sum over all series of that name in whose labels the text stands.</summary>
    public double Sum(string name, string label = "") =>
        _samples.Where(sample => sample.Name == name && sample.Labels.Contains(label, StringComparison.Ordinal)).Sum(sample => sample.Value);

    public IReadOnlySet<string> LabelsOf(string name) =>
        _samples.Where(sample => sample.Name == name).SelectMany(sample => Label().Matches(sample.Labels).Select(label => label.Groups[1].Value)).ToHashSet();

    [GeneratedRegex(@"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([^ \n]+)(?: \d+)?$", RegexOptions.Multiline)]
    private static partial Regex Sample();

    [GeneratedRegex("""(\w+)="(?:[^"\\]|\\.)*"[,]?""")]
    private static partial Regex Label();
}
