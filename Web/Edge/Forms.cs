using System.Net;
using HiveMind.Users;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace HiveMind.Web.Edge;

/// <summary>The page's three forms. Each is an ordinary POST that ends in a redirect, so all of them work without a script.</summary>
internal static class Forms
{
    public const string LogIn = "/session", LogOut = "/session/end", Theme = "/theme";

    public static void MapForms(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapPost(LogIn, (HttpContext http, IAntiforgery forgery, ILogins logins, PageOptions options) => Handle(http, forgery, async form =>
        {
            if (!MaySendPassword(http, options)) return To("/login", LoginProblem.Unencrypted);
            try
            {
                var address = http.Connection.RemoteIpAddress?.ToString() ?? "";
                var session = await logins.LogIn(form["username"].ToString(), form["password"].ToString(), new(address, http.Request.Headers.UserAgent.ToString()), http.RequestAborted);
                http.Response.Cookies.Append(PageCookies.SessionName(http), session.Token, PageCookies.Options(http, session.ExpiresAt));
                return "/";
            }
            catch (HiveMindException refused) when (refused.Kind is FailureKind.Unauthenticated or FailureKind.ResourceExhausted)
            {
                return To("/login", refused.Kind == FailureKind.Unauthenticated ? LoginProblem.Wrong : LoginProblem.TooMany);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return To("/login", LoginProblem.Away);
            }
        }));
        endpoints.MapPost(LogOut, (HttpContext http, IAntiforgery forgery, ILogins logins) => Handle(http, forgery, async _ =>
        {
            try
            {
                if (http.Request.Cookies[PageCookies.SessionName(http)] is { } token) await logins.LogOut(token, http.Connection.RemoteIpAddress?.ToString() ?? "");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return To("/", LoginProblem.Away); // still logged in: said, not hidden
            }

            http.Response.Cookies.Delete(PageCookies.SessionName(http), PageCookies.Options(http, null));
            return "/";
        }));
        endpoints.MapPost(Theme, (HttpContext http, IAntiforgery forgery, TimeProvider time) => Handle(http, forgery, form =>
        {
            if (form["theme"].ToString() is var theme && theme is "light" or "dark")
                http.Response.Cookies.Append(PageCookies.Theme, theme, PageCookies.Options(http, time.GetUtcNow().AddYears(1)));
            else http.Response.Cookies.Delete(PageCookies.Theme, PageCookies.Options(http, null));
            return Task.FromResult(form["from"] == "/login" ? "/login" : "/");
        }));
    }

    /// <summary>Encrypted, from this machine, or on a network the operator said to trust.</summary>
    internal static bool MaySendPassword(HttpContext http, PageOptions options) =>
        http.Request.IsHttps || options.AllowInsecure || http.Connection.RemoteIpAddress is not { } address || IPAddress.IsLoopback(address);

    private static async Task Handle(HttpContext http, IAntiforgery forgery, Func<IFormCollection, Task<string>> work)
    {
        string target;
        if (!http.Request.HasFormContentType || !await forgery.IsRequestValidAsync(http)) target = To("/login", LoginProblem.OldForm);
        else target = await work(await http.Request.ReadFormAsync(http.RequestAborted));
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
        http.Response.Headers.Location = target;
    }

    private static string To(string page, LoginProblem problem) => $"{page}?problem={problem.ToString().ToLowerInvariant()}";
}
