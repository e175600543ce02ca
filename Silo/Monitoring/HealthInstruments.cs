using System.Diagnostics.Metrics;
using HiveMind.Configuration;
using HiveMind.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Monitoring;

/// <summary>What `/readyz` says, as figures: the checks as last run for the gRPC health service, and the room on disk.</summary>
internal sealed class HealthInstruments : IHealthCheckPublisher
{
    private volatile IReadOnlyList<(string Check, HealthStatus Status)> _last = [];

    public HealthInstruments(PoolOptions options)
    {
        Figures.CreateObservableGauge("hivemind.health", SayChecks, "{status}", "Health checks: 1 ok, 0.5 degraded, 0 failing.");
        Figures.CreateObservableGauge("hivemind.disk.free", () => SayDisks(options), "By", "Bytes that can still be written, by store.");
    }

    public Task PublishAsync(HealthReport report, CancellationToken cancellationToken)
    {
        _last = [.. report.Entries.Select(entry => (entry.Key, entry.Value.Status))];
        return Task.CompletedTask;
    }

    private IEnumerable<Measurement<double>> SayChecks() => _last.Select(check => new Measurement<double>(check.Status switch
    {
        HealthStatus.Healthy => 1,
        HealthStatus.Degraded => 0.5,
        _ => 0,
    }, Tag("check", check.Check)));

    private static IEnumerable<Measurement<long>> SayDisks(PoolOptions options) =>
    [
        new(DiskSpace.FreeBytes(options.DataDirectory), Tag("store", "data")), new(DiskSpace.FreeBytes(options.FilesDirectory), Tag("store", "files")),
    ];
}
