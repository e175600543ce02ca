using System.Net;
using System.Net.Sockets;

namespace HiveMind.Tests.Clustering;

/// <summary>A way to a server that can be cut and joined again: while it is cut nothing goes through and nothing is closed, as on a network that drops everything.</summary>
internal sealed class FreezingProxy : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private volatile int _silenced;
    private volatile TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public FreezingProxy(int target)
    {
        _target = target;
        _open.SetResult();
        _listener.Start();
        _ = Accept();
    }

    public string ConnectionString => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public void Cut() => _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Join() => _open.TrySetResult();

    /// <summary>The connections there are fall silent for good, and are not closed; new ones work.</summary>
    public void Silence() => Interlocked.Increment(ref _silenced);

    public void Dispose()
    {
        _stop.Cancel();
        Join();
        _listener.Stop();
    }

    private async Task Accept()
    {
        try
        {
            while (true) _ = Serve(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task Serve(TcpClient client)
    {
        var silenced = _silenced;
        using var server = new TcpClient();
        using (client)
        {
            try
            {
                await _open.Task.WaitAsync(_stop.Token);
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
                await await Task.WhenAny(Copy(client.GetStream(), server.GetStream(), silenced), Copy(server.GetStream(), client.GetStream(), silenced));
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task Copy(NetworkStream from, NetworkStream to, int silenced)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var length)
        {
            await _open.Task.WaitAsync(_stop.Token);
            if (silenced != _silenced) await Task.Delay(Timeout.InfiniteTimeSpan, _stop.Token);
            await to.WriteAsync(buffer.AsMemory(0, length), _stop.Token);
        }
    }
}
