using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using HiveMind.Configuration;
using HiveMind.Edge;
using HiveMind.Monitoring;

namespace HiveMind.Tests.Monitoring;

/// <summary>What docs/metrics.md lists is what the code measures.</summary>
public sealed class InstrumentTests
{
    [Fact]
    public void Table_Rows_AreTheInstrumentsOfTheCode()
    {
        var listed = InstrumentTable.Read().Select(row => $"{row.Name} {row.Kind} {row.Unit}: {row.Meaning}");

        Assert.Equal(Instruments().Select(one => $"{one.Name} {KindOf(one)} {one.Unit}: {one.Description}").Order(), listed.Order());
    }

    /// <summary>Units last, base units, words in braces for what is counted: the conventions that dashboards rely on.</summary>
    [Fact]
    public void Instruments_Names_FollowTheConventions()
    {
        foreach (var one in Instruments())
        {
            Assert.Matches("^(hivemind|rpc\\.server)(\\.[a-z_]+)+$", one.Name);
            Assert.Matches("^(s|By|\\{[a-z]+\\})$", one.Unit!);
            Assert.EndsWith(".", one.Description);
        }
    }

    private static List<Instrument> Instruments()
    {
        var found = new List<Instrument>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter == HubTelemetry.Figures) found.Add(instrument);
            },
        };
        var classes = new[] { typeof(GrainInstruments), typeof(EdgeInstruments), typeof(PoolOptions) }.Select(one => one.Assembly)
            .SelectMany(assembly => assembly.GetTypes()).Where(type => type.Name.EndsWith("Instruments", StringComparison.Ordinal));
        foreach (var one in classes) RuntimeHelpers.RunClassConstructor(one.TypeHandle);
        _ = new HealthInstruments(new PoolOptions { DataDirectory = Path.GetTempPath() });
        listener.Start();
        return [.. found.DistinctBy(one => one.Name)];
    }

    private static string KindOf(Instrument instrument) => instrument.GetType().Name.Split('`')[0] switch
    {
        "Counter" => "counter",
        "Histogram" => "histogram",
        _ => "gauge",
    };
}
