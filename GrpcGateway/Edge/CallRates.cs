using System.Net;
using System.Threading.RateLimiting;

namespace HiveMind.Edge;

/// <summary>A token bucket per caller, whichever way calls come in. Buckets nobody uses disappear by themselves.</summary>
internal sealed class CallRates : IDisposable
{
    private readonly PartitionedRateLimiter<string>? _limiter;
    private readonly TimeSpan _retryAfter;

    public CallRates(HubOptions options)
    {
        var rate = options.RateLimit.RequestsPerSecond;
        if (rate <= 0) return;
        _retryAfter = TimeSpan.FromSeconds(Math.Max(0.1, 1.0 / rate));
        _limiter = PartitionedRateLimiter.Create<string, string>(key => RateLimitPartition.GetTokenBucketLimiter(key, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(1, options.RateLimit.Burst),
            TokensPerPeriod = rate,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = 0,
        }));
    }

    public static string ForAddress(string address) => $"ip:{Addresses.GroupOf(address)}";

    public static string ForAddress(IPAddress? address) => $"ip:{Addresses.GroupOf(address)}";

    /// <summary>Takes one; throws ResourceExhausted with the time to wait when that caller has none left.</summary>
    public void Take(string caller)
    {
        using var lease = _limiter?.AttemptAcquire(caller);
        if (lease is not { IsAcquired: false }) return;
        EdgeInstruments.RateLimited();
        throw HiveMindException.Exhausted("RATE_LIMIT", "Too many calls: slow down.", _retryAfter);
    }

    public void Dispose() => _limiter?.Dispose();
}
