using System.Security.Claims;
using HiveMind.Users;

namespace HiveMind.Web.Edge;

/// <summary>
/// Who looks at the page, as a principal that lives on the server only. The token is in it because a page stays open for hours, and asks
/// all the time whether its session still exists.
/// </summary>
internal static class Visitor
{
    private const string TokenClaim = "token";

    public static ClaimsPrincipal Of(Caller caller, string? token)
    {
        var claims = new List<Claim> { new(ClaimTypes.NameIdentifier, caller.UserId), new(ClaimTypes.Name, caller.Username) };
        if (token is not null) claims.Add(new Claim(TokenClaim, token));
        return new ClaimsPrincipal(new ClaimsIdentity(claims, authenticationType: token is null ? "open" : "session"));
    }

    public static bool IsKnown(this ClaimsPrincipal visitor) => visitor.Identity is { IsAuthenticated: true };

    public static string UserId(this ClaimsPrincipal visitor) => visitor.FindFirstValue(ClaimTypes.NameIdentifier) ?? "";

    public static string UserName(this ClaimsPrincipal visitor) => PlainText.Visible(visitor.Identity?.Name ?? "");

    /// <summary>Null in open mode, where nobody needs one.</summary>
    public static string? Token(this ClaimsPrincipal visitor) => visitor.FindFirstValue(TokenClaim);
}
