using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace HiveMind.Monitoring;

/// <summary>
/// How figures are shown. Ours are shown as they are; those of Orleans and .NET described, in base units, without what nobody can use:
/// Prometheus' own checker asks for that, and so do people who read them.
/// </summary>
internal static class FigureViews
{
    private const string Orleans = "Microsoft.Orleans", Runtime = "System.Runtime";

    /// <summary>Series of one figure, for which memory is laid out at the start; what is beyond is added up as one series named overflow.</summary>
    private const int Few = 100, Many = 1000;

    /// <summary>Their names end in what Prometheus keeps for its own; only one of them tells anything.</summary>
    private static readonly Dictionary<string, string?> Renamed = new()
    {
        ["dotnet.process.cpu.count"] = "dotnet.process.cpus", ["dotnet.assembly.count"] = null, ["dotnet.timer.count"] = null,
    };

    public static MetricStreamConfiguration Of(Instrument instrument) => instrument.Meter.Name switch
    {
        Runtime when Renamed.TryGetValue(instrument.Name, out var name) =>
            name is null ? MetricStreamConfiguration.Drop : new() { Name = name, CardinalityLimit = Few },
        Orleans when instrument.Unit is "ms" or "MB" => MetricStreamConfiguration.Drop, // the times come again as seconds; memory .NET tells better
        Orleans when string.IsNullOrEmpty(instrument.Description) => new() { Description = Describe(instrument), CardinalityLimit = Few },
        HubTelemetry.Name when HasManySeries(instrument.Name) => new() { CardinalityLimit = Many },
        _ => new() { CardinalityLimit = Few },
    };

    public static bool IsInMilliseconds(Instrument instrument) => instrument.Meter.Name == Orleans && instrument.Unit == "ms";

    public static string Describe(Instrument instrument) =>
        $"Orleans: {instrument.Name.Replace("orleans-", "", StringComparison.Ordinal).Replace('-', ' ')}.";

    /// <summary>By method and code, or by task type, of which a pool may know any number.</summary>
    private static bool HasManySeries(string name) => name.StartsWith("rpc.", StringComparison.Ordinal)
        || name.StartsWith("hivemind.task", StringComparison.Ordinal) || name.StartsWith("hivemind.attempts.", StringComparison.Ordinal);
}
