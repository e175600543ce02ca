using System.Net;
using System.Net.Sockets;

namespace HiveMind.Edge;

/// <summary>What counts as one place on the network. Pure.</summary>
public static class Addresses
{
    private const int SiteBytes = 8;

    /// <summary>
    /// An IPv4 address by itself, written as one also where it came over an IPv6 socket; of an IPv6 address its /64, which is the least that one
    /// household or one rented machine is given: the rest of it anybody there changes at will.
    /// </summary>
    public static string GroupOf(IPAddress? address)
    {
        if (address is null) return "";
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6 || IPAddress.IsLoopback(address)) return address.ToString();
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[SiteBytes..].Clear();
        return $"{new IPAddress(bytes)}/64";
    }

    /// <summary>The same for an address as text; what is none stays what it is.</summary>
    public static string GroupOf(string address) => IPAddress.TryParse(address, out var parsed) ? GroupOf(parsed) : address;
}
