using System.Globalization;
using System.Net;
using System.Net.Sockets;
using HiveMind.Configuration;
using HiveMind.Storage;

namespace HiveMind.Hosting;

/// <summary>What the two ports became, 0 having been a free one.</summary>
internal sealed record ServedPorts(int Grpc, int Http);

/// <summary>Ports are looked at before anything starts, so that one in use is one clear line.</summary>
internal static class Ports
{
    /// <summary>The silo that had the data directory before is gone, and the system closes its ports in the same moment or a little later.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), Poll = TimeSpan.FromMilliseconds(100);

    /// <summary>To be called with the data directory locked, so that what still holds a port is no silo of it that just ends.</summary>
    public static async Task RequireFree(PoolOptions options, TimeProvider time)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            var inUse = InUse(options);
            if (inUse.Count == 0) return;
            if (time.GetElapsedTime(began) >= Patience) throw new StartRefusedException(inUse);
            await Task.Delay(Poll, time);
        }
    }

    private static List<string> InUse(PoolOptions options) =>
        new[] { ("Grpc:Port", options.Grpc.Port, options.Grpc.Address!), ("Http:Port", options.Http.Port, options.HttpAddress!),
            ("Cluster:SiloPort", options.IsEmbedded ? 0 : options.Cluster.SiloPort, IPAddress.Any) }
        .Where(port => !IsFree(port.Item3, port.Item2))
        .Select(port => $"Port {port.Item2} is in use: stop what uses it, or choose another with --{PoolOptions.Section}:{port.Item1}=.").ToList();

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
