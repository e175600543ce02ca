using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace HiveMind.Hosting;

/// <summary>What the two ports became, 0 having been a free one.</summary>
internal sealed record ServedPorts(int Grpc, int Http);

/// <summary>Ports are looked at before anything starts, so that one in use is one clear line.</summary>
internal static class Ports
{
    public static bool IsFree(IPAddress address, int port)
    {
        if (port == 0) return true;
        using var probe = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.Equals(IPAddress.IPv6Any)) probe.DualMode = true; // as the server will listen
            probe.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            probe.Bind(new IPEndPoint(address, port));
            probe.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>
    /// The silo's port of the last start if it is free: a silo that comes back at its old address replaces its dead self in the
    /// membership at once, instead of being waited for.
    /// </summary>
    public static int ForSilo(int configured, string dataDirectory)
    {
        if (configured != 0) return configured;
        var memory = Path.Combine(dataDirectory, "silo-port");
        if (File.Exists(memory) && int.TryParse(File.ReadAllText(memory), CultureInfo.InvariantCulture, out var last) && IsFree(IPAddress.Any, last)) return last;
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        File.WriteAllText(memory, port.ToString(CultureInfo.InvariantCulture));
        return port;
    }
}
