using System.Threading.RateLimiting;
using Grpc.Core;
using Grpc.Core.Interceptors;
using HiveMind.Storage;

namespace HiveMind.Edge;

/// <summary>
/// A token bucket per caller, for unary calls: by the subject of a token whose tag is ours, else by address. It stands before the session
/// check, so that a flood wakes no grain. Buckets nobody uses disappear by themselves.
/// </summary>
internal sealed class RateLimitInterceptor : Interceptor, IDisposable
{
    private readonly PartitionedRateLimiter<string>? _limiter;
    private readonly TimeSpan _retryAfter;
    private readonly IBooks _books;

    public RateLimitInterceptor(IBooks books, HubOptions options)
    {
        _books = books;
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

    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        if (_limiter is null || !RpcPolicies.IsRateLimited(context.Method)) return continuation(request, context);
        using var lease = _limiter.AttemptAcquire(KeyOf(context));
        if (!lease.IsAcquired) throw HiveMindException.Exhausted("RATE_LIMIT", "Too many calls: slow down.", _retryAfter);
        return continuation(request, context);
    }

    private string KeyOf(ServerCallContext context) => BearerToken.Of(context, _books).Token is { } token
        ? $"{token.Prefix}:{token.Subject}"
        : $"ip:{context.GetHttpContext().Connection.RemoteIpAddress}";

    public void Dispose() => _limiter?.Dispose();
}
