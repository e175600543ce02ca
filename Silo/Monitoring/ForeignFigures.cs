using System.Diagnostics.Metrics;
using OpenTelemetry.Metrics;

namespace HiveMind.Monitoring;

/// <summary>
/// The figures of Orleans and .NET as they are shown: described, in base units, without what nobody can use. Prometheus' own checker
/// asks for that, and so do people who read them.
/// </summary>
internal static class ForeignFigures
{
    private const string Orleans = "Microsoft.Orleans", Runtime = "System.Runtime";

    /// <summary>Their names end in what Prometheus keeps for its own; only one of them tells anything.</summary>
    private static readonly Dictionary<string, string?> Renamed = new()
    {
        ["dotnet.process.cpu.count"] = "dotnet.process.cpus", ["dotnet.assembly.count"] = null, ["dotnet.timer.count"] = null,
    };

    /// <summary>Null: shown as it is.</summary>
    public static MetricStreamConfiguration? ViewOf(Instrument instrument) => instrument.Meter.Name switch
    {
        Runtime when Renamed.TryGetValue(instrument.Name, out var name) => name is null ? MetricStreamConfiguration.Drop : new() { Name = name },
        Orleans when instrument.Unit is "ms" or "MB" => MetricStreamConfiguration.Drop, // the times come again as seconds; memory .NET tells better
        Orleans when string.IsNullOrEmpty(instrument.Description) => new() { Description = Describe(instrument) },
        _ => null,
    };

    public static bool IsInMilliseconds(Instrument instrument) => instrument.Meter.Name == Orleans && instrument.Unit == "ms";

    public static string Describe(Instrument instrument) =>
        $"Orleans: {instrument.Name.Replace("orleans-", "", StringComparison.Ordinal).Replace('-', ' ')}.";
}
