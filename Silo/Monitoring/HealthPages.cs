using System.Text.Json;
using HiveMind.Configuration;
using HiveMind.Hosting;
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
            .AddCheck<DatabaseHealth>("database", timeout: Patience)
            .AddCheck<RedisCheck>("redis", timeout: Patience)
            .AddCheck<DiskSpaceCheck>("disk_space", timeout: Patience)
            .AddCheck<MemoryUsageCheck>("memory_usage", timeout: Patience)
            .AddCheck<ClusterCheck>("cluster", timeout: Patience)
            .AddCheck<RecordsCheck>("records");
        services.AddSingleton<LastHealth>().AddSingleton<IHealthCheckPublisher>(all => all.GetRequiredService<LastHealth>());
        services.AddSingleton<HealthRpc>();
        services.Configure<HealthCheckPublisherOptions>(publisher =>
        {
            publisher.Delay = TimeSpan.Zero;
            publisher.Period = LastHealth.Every;
        });
        return services;
    }

    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = (http, _) => http.Response.WriteAsync(Alive) });
        // Never a check of its own: whoever reaches the port could make the stores write.
        app.MapGet("/readyz", (LastHealth last, HttpContext http) => Write(http, last));
        app.MapGrpcService<HealthRpc>();
    }

    private const string Alive = "{\"status\":\"ok\",\"checks\":{}}";

    private static async Task Write(HttpContext http, LastHealth last)
    {
        await last.Known(http.RequestAborted);
        var (report, age) = last.Now;
        http.Response.ContentType = "application/json";
        http.Response.Headers.CacheControl = "no-store";
        http.Response.StatusCode = last.Status == HealthStatus.Unhealthy ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
        if (!HttpGate.MaySeeDetails(http))
        {
            await http.Response.WriteAsync(JsonSerializer.Serialize(new { status = Word(last.Status) }));
            return;
        }

        var checks = report?.Entries.ToDictionary(entry => entry.Key, entry => new { status = Word(entry.Value.Status), detail = entry.Value.Description ?? "" });
        await http.Response.WriteAsync(JsonSerializer.Serialize(new { status = Word(last.Status), age_seconds = Math.Round(age.TotalSeconds, 1), checks = checks ?? [] }));
    }

    private static string Word(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "ok",
        HealthStatus.Degraded => "degraded",
        _ => "failing",
    };
}

internal sealed class RedisCheck(StateStore stateStore, IStoreVerdict stores) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if ((stores.Away ?? await stateStore.Health.Check(TimeSpan.FromSeconds(1.5))) is { } problem) return HealthCheckResult.Unhealthy(problem);
        return (stores.Shortage ?? stateStore.Risk) is { } warning ? HealthCheckResult.Degraded(warning) : HealthCheckResult.Healthy("a scripted write was kept");
    }
}

internal sealed class DiskSpaceCheck(PoolOptions options) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var free = options.StoreDirectories.Select(DiskSpace.FreeBytes).Min();
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
        Task.FromResult((HiveMind.Scheduling.SweepFindings.Unreadable, HiveMind.Storage.UnreadableRecords.Count) switch
        {
            (0, 0) => HealthCheckResult.Healthy("all that was read could be read"),
            (0, var records) => HealthCheckResult.Degraded($"{records} records cannot be read; the log names each"),
            (var entries, var records) => HealthCheckResult.Degraded(
                $"{entries} entries of the unfinished index and {records} records cannot be read; the log of the sweep names some of those, and each of these"),
        });
}

internal sealed class ClusterCheck(Orleans.Runtime.ISiloStatusOracle oracle) : IHealthCheck
{
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(oracle.CurrentStatus == Orleans.Runtime.SiloStatus.Active
            ? HealthCheckResult.Healthy($"{oracle.GetApproximateSiloStatuses(true).Count} active silos")
            : HealthCheckResult.Unhealthy($"this silo is {oracle.CurrentStatus}"));
}
