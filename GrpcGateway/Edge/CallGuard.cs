using System.Diagnostics;
using System.Globalization;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using HiveMind.Users;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace HiveMind.Edge;

/// <summary>
/// Stands before gRPC, which reads a whole message before any interceptor runs. The rule is that of the method that will really be called, however
/// its path was written; whoever may not call it is refused with the body unread; what is read is measured as it is unpacked. What gRPC itself says
/// of a body that is no message gets a code of the contract.
/// </summary>
internal sealed class CallGuard(RequestDelegate next, StoreGate stores, CallerCheck callers, CallFailures failures, OpenCalls open)
{
    private const string StatusHeader = "grpc-status";
    private const string MessageHeader = "grpc-message";
    private const string DetailsHeader = "grpc-status-details-bin";

    public Task Invoke(HttpContext http) => http.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } endpoint
        ? Measured(http, endpoint.Method.FullName[1..], Serve(http, endpoint.Method))
        : IsGrpc(http.Request) ? Measured(http, EdgeInstruments.OtherMethod, next(http)) : next(http);

    private static bool IsGrpc(HttpRequest request) => request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) == true;

    private static async Task Measured(HttpContext http, string method, Task serve)
    {
        var began = Stopwatch.GetTimestamp();
        try
        {
            await serve;
        }
        finally
        {
            var code = StatusOf(http);
            EdgeInstruments.Served(method, code, Stopwatch.GetElapsedTime(began));
            Describe(Activity.Current, method, code);
        }
    }

    private async Task Serve(HttpContext http, IMethod method)
    {
        if (!http.Request.Path.Equals(method.FullName, StringComparison.Ordinal)) http.Request.Path = method.FullName; // all that follows knows it by this name
        var aborted = http.RequestAborted; // the caller's own doing; the call gets a token that the hub cancels too
        OpenCall call;
        try
        {
            var rule = RpcPolicies.Find(method.FullName) ?? throw HiveMindException.Denied("NO_POLICY", "Nobody may call this method.");
            stores.Check(method.FullName);
            var identity = await callers.Identify(http, rule);
            if (identity is not null)
            {
                CallIdentity.Set(http, identity);
                http.Features.Get<IKnownConnection>()?.Know(CallerCheck.KeyOf(identity.Token, http));
            }
            call = open.Begin(http, method, rule, identity);
        }
        catch (Exception refusal)
        {
            Refuse(http, failures.Translate(refusal, method.FullName, http.RequestAborted));
            return;
        }

        using (call)
        await using (aborted.UnsafeRegister(static place => (place as EdgeConnections.Place)?.CallReset(), http.Features.Get<IKnownConnection>()))
        {
            try
            {
                await next(http);
            }
            finally
            {
                await call.Gate.Settle();
            }

            if (!http.Response.HasStarted || call.EndedBy is null) ReplaceForeign(http);
            await call.WhenRead();
        }
    }

    private static void Refuse(HttpContext http, RpcException error)
    {
        http.Response.ContentType = "application/grpc";
        Write(http.Response.Headers, error);
    }

    /// <summary>
    /// Interceptors translate all that our code throws. What still ends as UNKNOWN, or as INTERNAL without our details, failed in reading the
    /// message: none at all, two where one belongs, packed as nobody said it would be.
    /// </summary>
    private static void ReplaceForeign(HttpContext http)
    {
        var trailers = http.Features.Get<IHttpResponseTrailersFeature>()?.Trailers;
        var where = !http.Response.HasStarted && IsForeign(http.Response.Headers) ? http.Response.Headers
            : trailers is { IsReadOnly: false } && IsForeign(trailers) ? trailers
            : null;
        if (where is null) return;
        Write(where, ErrorMapping.Build(
            StatusCode.InvalidArgument, "MALFORMED_MESSAGE", "The request is no message of this method: one is expected, packed as its headers say."));
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

    private static bool IsForeign(IHeaderDictionary headers) =>
        headers[StatusHeader].ToString() is var code && (code == "2" || (code == "13" && !headers.ContainsKey(DetailsHeader)));

    private static void Write(IHeaderDictionary headers, RpcException error)
    {
        headers[StatusHeader] = ((int)error.StatusCode).ToString(CultureInfo.InvariantCulture);
        headers[MessageHeader] = Uri.EscapeDataString(error.Status.Detail);
        headers[DetailsHeader] = Convert.ToBase64String(error.Trailers.GetValueBytes(DetailsHeader) ?? []);
    }
}
