using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace HiveMind.Web.Edge;

/// <summary>
/// What every answer of the page carries and every request to it must keep: nothing is loaded from or sent to another origin, nothing is
/// framed, nothing personal is kept in a cache, bodies are small.
/// </summary>
internal sealed class PageGuard(RequestDelegate next, PageOptions options)
{
    private const long BodyLimit = 64 * 1024;
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'self'; frame-ancestors 'none'";

    public async Task Invoke(HttpContext http)
    {
        if (options.OpenMode && !IsThisMachine(http.Request.Host.Host))
        {
            // In open mode whoever reaches the port sees the local account: another site must not get here by a name of its own.
            http.Response.StatusCode = StatusCodes.Status421MisdirectedRequest;
            await http.Response.WriteAsync("In open mode this page answers to localhost only.");
            return;
        }

        var headers = http.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()";
        headers.CacheControl = "no-store";
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = BodyLimit;
        await next(http);
    }

    private static bool IsThisMachine(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
