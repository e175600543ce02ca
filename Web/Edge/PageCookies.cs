using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>The page's cookies: none that a script can read, none that another site's request carries.</summary>
internal static class PageCookies
{
    public const string Session = "hivemind_session", Theme = "hivemind_theme", Forgery = "hivemind_form";

    public static CookieOptions Options(HttpContext http, DateTimeOffset? expires) => new()
    {
        HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = http.Request.IsHttps, IsEssential = true, Path = "/", Expires = expires,
    };

    /// <summary>`light` or `dark`, or null: as the system has it.</summary>
    public static string? ThemeOf(HttpContext? http) => http?.Request.Cookies[Theme] is "light" or "dark" ? http.Request.Cookies[Theme] : null;
}
