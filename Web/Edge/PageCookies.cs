using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>The page's cookies: none that a script can read, none that another site's request carries.</summary>
internal static class PageCookies
{
    public const string Session = "hivemind_session", Theme = "hivemind_theme", Forgery = "hivemind_form";
    /// <summary>Browsers take a cookie of this name only over https, from this very host and for all of it.</summary>
    public const string HostOnly = "__Host-";

    /// <summary>Over https only the name that nobody on the way, and no neighbour of the domain, can have set.</summary>
    public static string SessionName(HttpContext http) => http.Request.IsHttps ? HostOnly + Session : Session;

    public static CookieOptions Options(HttpContext http, DateTimeOffset? expires) => new()
    {
        HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = http.Request.IsHttps, IsEssential = true, Path = "/", Expires = expires,
    };

    /// <summary>`light` or `dark`, or null: as the system has it.</summary>
    public static string? ThemeOf(HttpContext? http) => http?.Request.Cookies[Theme] is "light" or "dark" ? http.Request.Cookies[Theme] : null;
}
