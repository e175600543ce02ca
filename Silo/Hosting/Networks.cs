using System.Net;

namespace HiveMind.Hosting;

/// <summary>Addresses and networks as settings name them: `10.1.2.3` or `10.0.0.0/8`.</summary>
internal sealed class Networks
{
    private Networks(IReadOnlyList<IPNetwork> all) => All = all;

    public IReadOnlyList<IPNetwork> All { get; }
    public bool IsEmpty => All.Count == 0;

    public static IPNetwork? TryParse(string text) =>
        IPNetwork.TryParse(text, out var network) ? network
        : IPAddress.TryParse(text, out var address) ? new IPNetwork(address, address.GetAddressBytes().Length * 8) : null;

    /// <summary>Of settings that were checked.</summary>
    public static Networks Parse(IEnumerable<string> texts) => new([.. texts.Select(text => TryParse(text)!.Value)]);

    public bool Hold(IPAddress? address)
    {
        if (address is null) return false;
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return All.Any(network => network.Contains(plain));
    }

    public bool HoldOrLoopback(IPAddress? address) =>
        address is not null && (IPAddress.IsLoopback(address) || (address.IsIPv4MappedToIPv6 && IPAddress.IsLoopback(address.MapToIPv4())) || Hold(address));
}
