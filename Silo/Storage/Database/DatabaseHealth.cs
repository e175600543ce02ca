using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HiveMind.Storage;

/// <summary>`database`: healthy when a real write and a real read of the database worked just now.</summary>
public sealed class DatabaseHealth(SqliteDatabase database) : IHealthCheck
{
    public async Task<HealthCheckResult> Check(CancellationToken cancel = default)
    {
        if (database.Problem() is { } problem) return HealthCheckResult.Unhealthy(problem);
        try
        {
            await database.Probe(cancel);
            var parked = await database.ParkedCount(cancel);
            return parked == 0 ? HealthCheckResult.Healthy()
                : HealthCheckResult.Degraded($"{parked} settlements are parked: the log says why, they are tried again every {ParkedSettlements.RetryEvery.TotalMinutes:0} minutes");
        }
        catch (Exception e) when (e is HiveMindException or TimeoutException)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }

    Task<HealthCheckResult> IHealthCheck.CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) => Check(cancellationToken);
}
