using System.Net;
using Microsoft.AspNetCore.Http;

namespace HiveMind.Web.Edge;

/// <summary>
/// The open live connections, a bounded number: of all, of one address, of one account, and of strangers, who have half of them at most, so that a
/// crowd of them keeps nobody out who is logged in. Who comes when it is full keeps the still page.
/// </summary>
internal sealed class LiveVisitors(PageOptions options)
{
    private readonly Lock _turn = new();
    private readonly Dictionary<string, int> _open = [];

    public bool IsFullFor(HttpContext http)
    {
        lock (_turn) return KeysOf(http).Any(key => Open(key.Key) >= key.Most);
    }

    /// <summary>Give it back by disposing it; null when there is no room for this visitor.</summary>
    public IDisposable? Take(HttpContext http)
    {
        var keys = KeysOf(http).ToArray();
        lock (_turn)
        {
            if (keys.Any(key => Open(key.Key) >= key.Most)) return null;
            foreach (var (key, _) in keys) _open[key] = Open(key) + 1;
        }

        return new Place(this, keys);
    }

    private IEnumerable<(string Key, int Most)> KeysOf(HttpContext http)
    {
        yield return ("all", options.LiveVisitors);
        yield return ($"address {Group(http.Connection.RemoteIpAddress)}", options.LiveVisitorsPerAddress);
        if (http.User.IsKnown()) yield return ($"account {http.User.UserId()}", options.LiveVisitorsPerAddress);
        else yield return ("strangers", (options.LiveVisitors + 1) / 2);
    }

    private int Open(string key) => _open.GetValueOrDefault(key);

    /// <summary>Of IPv6 its /64: the rest anybody there changes at will.</summary>
    private static string Group(IPAddress? address)
    {
        if (address is null) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? Convert.ToHexString(address.GetAddressBytes().AsSpan(0, 8)) : address.ToString();
    }

    private sealed class Place(LiveVisitors visitors, (string Key, int Most)[] keys) : IDisposable
    {
        private bool _given;

        public void Dispose()
        {
            lock (visitors._turn)
            {
                if (_given) return;
                _given = true;
                foreach (var (key, _) in keys)
                    if (--visitors._open[key] == 0) visitors._open.Remove(key);
            }
        }
    }
}
