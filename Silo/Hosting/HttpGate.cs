using System.Globalization;
using System.Net;
using System.Threading.RateLimiting;
using HiveMind.Configuration;
using HiveMind.Edge;
using Microsoft.AspNetCore.HttpOverrides;

namespace HiveMind.Hosting;

/// <summary>
/// What stands before everything that is no gRPC call: each address has its rate, figures and the details of health are for this machine and for
/// networks that the settings name, and whoever came by https is told to stay with it.
/// </summary>
internal sealed class HttpGate(RequestDelegate next, PoolOptions options) : IDisposable
{
    private const string Hsts = "max-age=15552000";
    private static readonly object Insider = new();

    private readonly Networks _insiders = Networks.Parse(options.Http.StatusFrom);
    private readonly PartitionedRateLimiter<HttpContext> _rates = PartitionedRateLimiter.Create<HttpContext, string>(http => RateLimitPartition.GetTokenBucketLimiter(
        Addresses.GroupOf(http.Connection.RemoteIpAddress), _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = options.Http.Burst, TokensPerPeriod = options.Http.RequestsPerSecond, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0,
        }));

    public static bool MaySeeDetails(HttpContext http) => http.Items.ContainsKey(Insider);

    public async Task Invoke(HttpContext http)
    {
        if (IsGrpc(http))
        {
            await next(http);
            return;
        }

        if (http.Request.IsHttps) http.Response.Headers.StrictTransportSecurity = Hsts;
        // That the process answers costs nothing to say, and whoever restarts it must hear it.
        if (!http.Request.Path.StartsWithSegments("/healthz"))
        {
            using var lease = _rates.AttemptAcquire(http);
            if (!lease.IsAcquired)
            {
                http.Response.StatusCode = StatusCodes.Status429TooManyRequests;
                http.Response.Headers.RetryAfter = 1.ToString(CultureInfo.InvariantCulture);
                return;
            }
        }

        if (_insiders.HoldOrLoopback(http.Connection.RemoteIpAddress)) http.Items[Insider] = true;
        else if (http.Request.Path.StartsWithSegments("/metrics"))
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            await http.Response.WriteAsync($"Figures are for this machine and for the networks of {PoolOptions.Section}:Http:StatusFrom.\n");
            return;
        }

        await next(http);
    }

    public void Dispose() => _rates.Dispose();

    /// <summary>First of all: from here on the caller's address and scheme are those that a proxy of ours vouches for.</summary>
    public static void Use(WebApplication app, PoolOptions options)
    {
        var proxies = Networks.Parse(options.Http.TrustedProxies);
        if (!proxies.IsEmpty)
        {
            var forwarded = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in proxies.All) forwarded.KnownIPNetworks.Add(network);
            app.UseForwardedHeaders(forwarded);
        }

        app.UseMiddleware<HttpGate>();
    }

    private static bool IsGrpc(HttpContext http) =>
        http.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;
}
