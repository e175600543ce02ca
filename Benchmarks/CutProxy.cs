using System.Net;
using System.Net.Sockets;

namespace HiveMind.Benchmarks;

/// <summary>A TCP connection to a hub that is cut once, after so many bytes in one direction; later connections pass.</summary>
public sealed class CutProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Func<Task> _atCut;
    private readonly Task _accepting;
    private long _left;

    public CutProxy(Uri hub, long bytes, Func<Task>? atCut = null)
    {
        (_target, _left, _atCut) = (hub.Port, bytes, atCut ?? (() => Task.CompletedTask));
        _listener.Start();
        _accepting = Accept();
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";
    /// <summary>Whether it came to the cut.</summary>
    public bool WasCut => Volatile.Read(ref _left) <= 0;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            _ = Serve(client);
        }
    }

    private async Task Serve(TcpClient client)
    {
        using var hub = new TcpClient();
        using (client)
        {
            try
            {
                await hub.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                await await Task.WhenAny(Copy(client.GetStream(), hub.GetStream()), Copy(hub.GetStream(), client.GetStream()));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task Copy(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[32 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            if (Volatile.Read(ref _left) > 0 && Interlocked.Add(ref _left, -read) <= 0)
            {
                await _atCut();
                return;
            }

            await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}
