using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace HiveMind.Hosting;

/// <summary>The addresses under which other machines may reach this one, the likeliest first.</summary>
public static class MachineAddresses
{
    // Bridges to containers and virtual machines: real addresses, but of nets that only this machine sees.
    private static readonly string[] Bridges = ["docker", "br-", "virbr", "veth", "cni", "flannel", "podman"];

    public static IReadOnlyList<IPAddress> All()
    {
        try
        {
            return [.. Ordered(NetworkInterface.GetAllNetworkInterfaces().Where(card => card.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
                && card.NetworkInterfaceType != NetworkInterfaceType.Loopback).Select(Read))];
        }
        catch (NetworkInformationException)
        {
            return [];
        }
    }

    internal static IEnumerable<IPAddress> Ordered(IEnumerable<MachineCard> cards) => cards
        .OrderBy(card => Bridges.Any(bridge => card.Name.StartsWith(bridge, StringComparison.Ordinal)))
        .ThenBy(card => !card.HasGateway)
        .SelectMany(card => card.Addresses)
        .Where(address => !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal && !address.IsIPv6Multicast)
        .OrderBy(address => address.AddressFamily != AddressFamily.InterNetwork) // stable: the order of the cards stays
        .Distinct();

    private static MachineCard Read(NetworkInterface card)
    {
        var properties = card.GetIPProperties();
        return new(card.Name, properties.GatewayAddresses.Count > 0, [.. properties.UnicastAddresses.Select(unicast => unicast.Address)]);
    }
}

internal sealed record MachineCard(string Name, bool HasGateway, IReadOnlyList<IPAddress> Addresses);
