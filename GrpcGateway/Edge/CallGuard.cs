using System.Diagnostics;
using System.Globalization;
using Grpc.Core;
using HiveMind.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace HiveMind.Edge;

/// <summary>
/// Stands before gRPC, which reads a whole message before any interceptor runs: whoever has no token of ours is refused with the body
/// unread, whoever needs none may send little, and a body that is no message gets a code of the contract where gRPC says UNKNOWN.
/// </summary>
internal sealed class CallGuard(IBooks books, HubOptions options)
{
    private const string StatusHeader = "grpc-status";
    private const string MessageHeader = "grpc-message";
    private const string DetailsHeader = "grpc-status-details-bin";

    public async Task Invoke(HttpContext http, string method, RequestDelegate call)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            await Serve(http, call);
        }
        finally
        {
            var code = StatusOf(http);
            EdgeInstruments.Served(method, code, Stopwatch.GetElapsedTime(began));
            Describe(Activity.Current, method, code);
        }
    }

    private async Task Serve(HttpContext http, RequestDelegate call)
    {
        var policy = RpcPolicies.Find(http.Request.Path);
        if (!MayPass(http, policy))
        {
            Refuse(http, ErrorMapping.FromFailure(HiveMindException.Unauthenticated()));
            return;
        }
        if (policy is RpcPolicy.Anonymous && http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = Limits.AnonymousBytes;

        await call(http);
        ReplaceUnknown(http);
    }

    /// <summary>Only what can be told without waking a grain; the interceptor checks the rest.</summary>
    private bool MayPass(HttpContext http, RpcPolicy? policy) => policy is null or RpcPolicy.Anonymous
        || BearerToken.Read(http.Request.Headers.Authorization.ToString(), books).Token is not null
        || (options.Auth.Mode == AuthMode.Open && policy != RpcPolicy.Node);

    private static void Refuse(HttpContext http, RpcException error)
    {
        http.Response.ContentType = "application/grpc";
        Write(http.Response.Headers, error);
    }

    /// <summary>Interceptors translate all that our code throws; what still ends as UNKNOWN failed in reading the message.</summary>
    private static void ReplaceUnknown(HttpContext http)
    {
        var trailers = http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var where = !http.Response.HasStarted && IsUnknown(http.Response.Headers) ? http.Response.Headers
            : trailers is { IsReadOnly: false } && IsUnknown(trailers) ? trailers
            : null;
        if (where is null) return;
        Write(where, ErrorMapping.Build(
            StatusCode.InvalidArgument, "MALFORMED_MESSAGE", "The request is no message of this method, or too large for it."));
    }

    private static void Describe(Activity? span, string method, StatusCode code)
    {
        if (span is not { IsAllDataRequested: true }) return;
        span.SetTag("rpc.system.name", "grpc").SetTag("rpc.method", method).SetTag("rpc.response.status_code", EdgeInstruments.NameOf(code));
        if (code is StatusCode.Internal or StatusCode.Unavailable or StatusCode.DeadlineExceeded) span.SetStatus(ActivityStatusCode.Error);
    }

    /// <summary>As the caller reads it. A call without a status broke off.</summary>
    private static StatusCode StatusOf(HttpContext http)
    {
        var said = http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers[StatusHeader].ToString() is { Length: > 0 } trailer
            ? trailer : http.Response.Headers[StatusHeader].ToString();
        return int.TryParse(said, CultureInfo.InvariantCulture, out var code) ? (StatusCode)code : StatusCode.Cancelled;
    }

    private static bool IsUnknown(IHeaderDictionary headers) => headers[StatusHeader] == "2";

    private static void Write(IHeaderDictionary headers, RpcException error)
    {
        headers[StatusHeader] = ((int)error.StatusCode).ToString(CultureInfo.InvariantCulture);
        headers[MessageHeader] = Uri.EscapeDataString(error.Status.Detail);
        headers[DetailsHeader] = Convert.ToBase64String(error.Trailers.GetValueBytes(DetailsHeader) ?? []);
    }
}
