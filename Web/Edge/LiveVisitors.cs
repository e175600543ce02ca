using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>
/// The open live connections, a bounded number: each is a web socket, which is the only transport offered, so counting requests counts
/// visitors. Who comes when it is full keeps the still page.
/// </summary>
internal sealed class LiveVisitors(PageOptions options)
{
    private int _open;

    public bool IsFull => Volatile.Read(ref _open) >= options.LiveVisitors;

    public async Task Count(HttpContext http, RequestDelegate next)
    {
        if (!IsSocket(http.Request))
        {
            // Negotiation and the farewell of a closing page are short; anything else would be a transport that is not offered.
            if (!http.Request.Path.StartsWithSegments("/_blazor/negotiate") && !http.Request.Path.StartsWithSegments("/_blazor/disconnect")
                && !http.Request.Path.StartsWithSegments("/_blazor/initializers")) http.Response.StatusCode = StatusCodes.Status400BadRequest;
            else if (IsFull && http.Request.Path.StartsWithSegments("/_blazor/negotiate")) http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            else await next(http);
            return;
        }

        try
        {
            if (Interlocked.Increment(ref _open) > options.LiveVisitors) http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            else await next(http);
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }

    private static bool IsSocket(HttpRequest request) =>
        request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase) || request.Protocol == "HTTP/2" && request.Method == "CONNECT";
}
