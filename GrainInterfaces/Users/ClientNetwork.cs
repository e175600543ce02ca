using System.Net;
using System.Net.Sockets;

namespace HiveMind.Users;

/// <summary>Whom limits by address count as one: an IPv4 address, or the /64 of an IPv6 address, of which one customer has all. Pure.</summary>
public static class ClientNetwork
{
    private const int PrefixBytes = 8;

    /// <summary>Anything that is no address counts as one place.</summary>
    public static string Of(string? address) => IPAddress.TryParse(address, out var parsed) ? Of(parsed) : "unknown";

    public static string Of(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(address)) return address.ToString();
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(PrefixBytes).Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
