using System.Net;
using HiveMind.Users;

namespace HiveMind.Edge;

/// <summary>What counts as one place on the network. Pure.</summary>
public static class Addresses
{
    /// <summary>
    /// An IPv4 address by itself, written as one also where it came over an IPv6 socket; of an IPv6 address its /64, which is the least that one
    /// household or one rented machine is given: the rest of it anybody there changes at will.
    /// </summary>
    public static string GroupOf(IPAddress? address) => address is null ? "" : ClientNetwork.Of(address);

    /// <summary>The same for an address as text; what is none stays what it is.</summary>
    public static string GroupOf(string address) => IPAddress.TryParse(address, out var parsed) ? GroupOf(parsed) : address;
}
