using System.Net;

namespace HiveMind.Workers.Connection;

/// <summary>
/// The proxy that a hub is reached through: none, unless it is asked for by name. The variables that browsers follow (HTTP_PROXY, ALL_PROXY and their
/// like) are not for this: most proxies cannot carry a hub's HTTP/2, and a hub is usually a neighbour.
/// </summary>
public static class HubProxy
{
    public const string Variable = "HIVEMIND_PROXY";

    private static readonly string[] Followed = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

    /// <summary>The variable of the environment that other programs take a proxy from, and this one does not; null: none is set.</summary>
    public static string? Ignored => Followed.FirstOrDefault(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 });

    /// <summary>The proxy that was asked for, by name or by our own variable, which is not for a hub on this machine; null: straight to the hub.</summary>
    public static string? For(Uri hub, string? named = null) => named is { Length: > 0 } ? named
        : !hub.IsLoopback && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } asked ? asked : null;

    /// <summary>One line that says what is wrong with reaching that hub through that proxy, or null.</summary>
    public static string? Problem(Uri hub, string proxy) => Read(proxy) switch
    {
        null => $"'{proxy}' is no proxy: write it like http://proxy:3128 or socks5://proxy:1080.",
        { Scheme: "http" or "https" } when hub.Scheme == Uri.UriSchemeHttp =>
            $"An HTTP proxy carries https:// only, not {hub.GetLeftPart(UriPartial.Authority)}: use the hub's https:// address or a socks5:// proxy.",
        _ => null,
    };

    /// <summary>Null: straight to the hub, whatever the environment says.</summary>
    public static void Apply(SocketsHttpHandler handler, string? proxy)
    {
        handler.UseProxy = proxy is not null;
        if (proxy is null || Read(proxy) is not { } address)
            return;
        var way = new WebProxy(new UriBuilder(address) { UserName = "", Password = "" }.Uri);
        if (address.UserInfo.Split(':', 2) is [{ Length: > 0 } user, .. var password])
            way.Credentials = new NetworkCredential(Uri.UnescapeDataString(user), password.Length > 0 ? Uri.UnescapeDataString(password[0]) : "");
        handler.Proxy = way;
    }

    private static Uri? Read(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var proxy) && proxy.Host.Length > 0 && proxy.Scheme is "http" or "https" or "socks4" or "socks4a" or "socks5" ? proxy : null;
}
