using System.Net;
using System.Net.Sockets;
using HiveMind.Hosting;

namespace HiveMind.Cli;

/// <summary>A hub's address as other machines write it: "127.0.0.1" leads them to themselves.</summary>
internal static class HubFromAfar
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public static async Task<Uri> Find(Uri hub, string? host, CancellationToken stop)
    {
        if (host is not null)
        {
            return At(hub, host);
        }

        if (!hub.IsLoopback)
        {
            return hub;
        }

        foreach (var address in MachineAddresses.All())
        {
            if (await Listens(address, hub.Port, stop))
            {
                return At(hub, address.ToString());
            }
        }

        throw CliException.Usage(
            $"The hub at {HubAddress.Key(hub)} answers on this machine only. Start it with --lan, or name with --address how others reach it.");
    }

    internal static Uri At(Uri hub, string host)
    {
        var bare = IPAddress.TryParse(host.Trim('[', ']'), out var address) ? new IPEndPoint(address, hub.Port).ToString() : $"{host}:{hub.Port}";
        return Uri.TryCreate($"{hub.Scheme}://{bare}{hub.Fragment}", UriKind.Absolute, out var found) && found.Port == hub.Port && found.AbsolutePath == "/"
            ? found
            : throw CliException.Usage($"--address: '{host}' is no host name or address.");
    }

    private static async Task<bool> Listens(IPAddress address, int port, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(Patience);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), patience.Token);
            return true;
        }
        catch (Exception closed) when (closed is SocketException || (closed is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }
}
