using System.Net;
using System.Net.Sockets;
using HiveMind.Configuration;

namespace HiveMind.Hosting;

/// <summary>How a hub that listens as configured is reached, from its own machine and from others.</summary>
public static class HubAddresses
{
    public static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>Every address of this machine, IPv6 included where there is one.</summary>
    public static IPAddress Any => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any;

    /// <summary>From this machine. The pin is always there: no authority vouches for "127.0.0.1".</summary>
    public static string Local(PoolOptions options, int port, ServedCertificate? certificate) =>
        Text(options.Grpc.SpeaksTls, IsAny(options.Grpc.Address!) ? IPAddress.Loopback : options.Grpc.Address!, port) + Suffix(certificate);

    /// <summary>From others, the likeliest first; none where the hub listens on loopback only.</summary>
    public static IReadOnlyList<string> FromOthers(PoolOptions options, int port, ServedCertificate? certificate)
    {
        var address = options.Grpc.Address!;
        IEnumerable<IPAddress> reached = IPAddress.IsLoopback(address) ? [] : IsAny(address) ? MachineAddresses.All() : [address];
        if (address.Equals(IPAddress.Any)) reached = reached.Where(one => one.AddressFamily == AddressFamily.InterNetwork);
        return [.. reached.Select(one => Text(options.Grpc.SpeaksTls, one, port) + Suffix(certificate is { IsOwn: true } ? certificate : null))];
    }

    /// <summary>The HTTP port, from this machine.</summary>
    public static string Http(PoolOptions options, int port) =>
        Text(options.HttpSpeaksTls, IsAny(options.HttpAddress!) ? IPAddress.Loopback : options.HttpAddress!, port);

    private static string Text(bool tls, IPAddress address, int port) => $"{(tls ? "https" : "http")}://{new IPEndPoint(address, port)}";

    private static string Suffix(ServedCertificate? certificate) => certificate is null ? "" : $"#{certificate.Pin}";
}
