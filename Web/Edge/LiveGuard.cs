using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>
/// The live connection of the page, once it is known who looks: from this page only, over a web socket only (so counting requests counts visitors), and
/// as far as there is room.
/// </summary>
internal sealed class LiveGuard(RequestDelegate next, LiveVisitors visitors)
{
    private static readonly PathString Live = "/_blazor";

    public async Task Invoke(HttpContext http)
    {
        if (!http.Request.Path.StartsWithSegments(Live)) await next(http);
        else if (!IsFromHere(http.Request)) http.Response.StatusCode = StatusCodes.Status403Forbidden;
        else if (IsSocket(http.Request))
        {
            using var place = visitors.Take(http);
            if (place is null) http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            else await next(http);
        }
        // Negotiation and the farewell of a closing page are short; anything else would be a transport that is not offered.
        else if (http.Request.Path.StartsWithSegments("/_blazor/negotiate"))
        {
            if (visitors.IsFullFor(http)) http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            else await next(http);
        }
        else if (http.Request.Path.StartsWithSegments("/_blazor/disconnect") || http.Request.Path.StartsWithSegments("/_blazor/initializers")) await next(http);
        else http.Response.StatusCode = StatusCodes.Status400BadRequest;
    }

    /// <summary>A browser says which page a script belongs to. What is no browser says nothing, and has no visitor's cookies either.</summary>
    private static bool IsFromHere(HttpRequest request) => request.Headers.Origin.ToString() is var origin
        && (origin.Length == 0 || (Uri.TryCreate(origin, UriKind.Absolute, out var page) && page.Authority.Equals(Authority(request, page.Scheme), StringComparison.OrdinalIgnoreCase)));

    private static string Authority(HttpRequest request, string scheme) => new UriBuilder($"{scheme}://{request.Host.Value}").Uri.Authority;

    private static bool IsSocket(HttpRequest request) =>
        request.Headers.Upgrade.ToString().Equals("websocket", StringComparison.OrdinalIgnoreCase) || request.Protocol == "HTTP/2" && request.Method == "CONNECT";
}
