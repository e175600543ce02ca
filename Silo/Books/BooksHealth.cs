using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace HiveMind.Storage;

/// <summary>`database`: healthy when a real write and a real read of the books worked just now.</summary>
public sealed class BooksHealth(SqliteBooks books) : IHealthCheck
{
    public async Task<HealthCheckResult> Check(CancellationToken cancel = default)
    {
        try
        {
            await books.Probe(cancel);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e) when (e is HiveMindException or TimeoutException)
        {
            return HealthCheckResult.Unhealthy(e.Message);
        }
    }

    Task<HealthCheckResult> IHealthCheck.CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) => Check(cancellationToken);
}
