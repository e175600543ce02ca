using HiveMind.Hosting;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Monitoring;

/// <summary>What a silo knows of its clock and of the silos around it.</summary>
internal static class ClusterInstruments
{
    static ClusterInstruments() =>
        Figures.CreateObservableGauge("hivemind.clock.off", () => SteadyClock.OfProcess.Off.TotalSeconds, "s", "How far the machine's clock is ahead of the silo's time.");

    /// <summary>Runs the initializer, from where on it is measured.</summary>
    public static void Announce()
    {
    }
}
