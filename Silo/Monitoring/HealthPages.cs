using System.Text.Json;
using HiveMind.Configuration;
using HiveMind.Storage;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HiveMind.Monitoring;

/// <summary>The seed's four checks and the cluster's: `/healthz` says the process answers, `/readyz` that it can serve, as JSON.</summary>
internal static class HealthPages
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static IServiceCollection AddHealth(this IServiceCollection services)
    {
        services.AddHealthChecks()
            .AddCheck<BooksHealth>("database", timeout: Patience)
            .AddCheck<RedisCheck>("redis", timeout: Patience)
            .AddCheck<DiskSpaceCheck>("disk_space", timeout: Patience)
            .AddCheck<MemoryUsageCheck>("memory_usage", timeout: Patience)
            .AddCheck<ClusterCheck>("cluster", timeout: Patience)
            .AddCheck<RecordsCheck>("records");
        services.AddGrpcHealthChecks();
        services.Configure<HealthCheckPublisherOptions>(publisher =>
        {
            publisher.Delay = TimeSpan.Zero;
            publisher.Period = TimeSpan.FromSeconds(5);
        });
        return services;
    }

    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = Write });
        app.MapHealthChecks("/readyz", new HealthCheckOptions { ResponseWriter = Write });
        app.MapGrpcHealthChecksService();
    }

    private static Task Write(HttpContext context, HealthReport report)
    {
        context.Response.ContentType = "application/json";
        var checks = report.Entries.ToDictionary(entry => entry.Key, entry => new { status = Word(entry.Value.Status), detail = entry.Value.Description ?? "" });
        return context.Response.WriteAsync(JsonSerializer.Serialize(new { status = Word(report.Status), checks }));
    }

    private static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "ok",
        HealthStatus.Degraded => "degraded",
        _ => "failing",
    };
}

internal sealed class RedisCheck(FloorHealth floor) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await floor.Check(TimeSpan.FromSeconds(1.5)) is { } problem ? HealthCheckResult.Unhealthy(problem) : HealthCheckResult.Healthy("a scripted write was kept");
}

internal sealed class DiskSpaceCheck(PoolOptions options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var free = new[] { options.DataDirectory, options.FilesDirectory }.Select(DiskSpace.FreeBytes).Min();
        var text = $"{free >> 20} MiB free";
        return Task.FromResult(DiskSpace.IsEnough(free) ? HealthCheckResult.Healthy(text) : HealthCheckResult.Unhealthy(text));
    }
}

internal sealed class MemoryUsageCheck : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var memory = GC.GetGCMemoryInfo();
        var text = $"{Environment.WorkingSet >> 20} MiB used of {memory.TotalAvailableMemoryBytes >> 20} MiB";
        return Task.FromResult(memory.MemoryLoadBytes < memory.HighMemoryLoadThresholdBytes ? HealthCheckResult.Healthy(text) : HealthCheckResult.Degraded(text));
    }
}

/// <summary>Records that this program cannot read are gone around, and somebody should look at them: degraded, not failing.</summary>
internal sealed class RecordsCheck : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(HiveMind.Scheduling.SweepFindings.Unreadable is > 0 and var unreadable
            ? HealthCheckResult.Degraded($"{unreadable} entries of the unfinished index cannot be read; the log of the sweep names some")
            : HealthCheckResult.Healthy("all that was swept could be read"));
}

internal sealed class ClusterCheck(Orleans.Runtime.ISiloStatusOracle oracle) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(oracle.CurrentStatus == Orleans.Runtime.SiloStatus.Active
            ? HealthCheckResult.Healthy($"{oracle.GetApproximateSiloStatuses(true).Count} active silos")
            : HealthCheckResult.Unhealthy($"this silo is {oracle.CurrentStatus}"));
}
