using System.Diagnostics.Metrics;
using HiveMind.Hosting;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Monitoring;

/// <summary>What a silo knows of its clock and of the silos around it.</summary>
internal static class ClusterInstruments
{
    private static readonly Counter<long> Strangers =
        Figures.CreateCounter<long>("hivemind.silo.strangers", "{connection}", "Connections at the silo's port that did not show that they belong to the pool.");

    static ClusterInstruments() =>
        Figures.CreateObservableGauge("hivemind.clock.off", () => SteadyClock.OfProcess.Off.TotalSeconds, "s", "How far the machine's clock is ahead of the silo's time.");

    public static void Refused() => Strangers.Add(1);

    /// <summary>Runs the initializer, from where on it is measured.</summary>
    public static void Announce() => Strangers.Add(0);
}
