using HiveMind.Users;
using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>Says who looks, by the session cookie; a session that is over loses its cookie. Where the accounts do not answer, nobody is known.</summary>
internal sealed class VisitorMiddleware(RequestDelegate next, ILogins logins)
{
    public async Task Invoke(HttpContext http)
    {
        try
        {
            if (http.Request.Cookies[PageCookies.SessionName(http)] is { } token)
            {
                http.User = Visitor.Of(await logins.Check(token), token);
                http.Features.Get<IKnownConnection>()?.Know($"page:{http.User.UserId()}");
            }
            else if (await logins.WithoutLogin(http.RequestAborted) is { } local) http.User = Visitor.Of(local, null);
        }
        catch (HiveMindException over) when (over.Kind == FailureKind.Unauthenticated)
        {
            http.Response.Cookies.Delete(PageCookies.SessionName(http), PageCookies.Options(http, null));
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            http.Items[Away] = true;
        }

        await next(http);
    }

    /// <summary>The accounts did not answer just now: the visitor may be logged in all the same.</summary>
    public static bool IsAway(HttpContext? http) => http?.Items.ContainsKey(Away) == true;

    private static readonly object Away = new();
}
