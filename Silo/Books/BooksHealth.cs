using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HiveMind.Storage;

/// <summary>`database`: healthy when a real write and a real read of the books worked just now.</summary>
public sealed class BooksHealth(SqliteBooks books) : IHealthCheck
{
    public async Task<HealthCheckResult> Check(CancellationToken cancel = default)
    {
        if (books.Problem() is { } problem) return HealthCheckResult.Unhealthy(problem);
        try
        {
            await books.Probe(cancel);
            var parked = await books.ParkedCount(cancel);
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
