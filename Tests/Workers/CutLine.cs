using System.Net;
using System.Net.Sockets;

namespace HiveMind.Tests.Workers;

/// <summary>How a line that is cut treats what comes.</summary>
public enum Cut
{
    /// <summary>Connections there are say nothing any more, for ever; new ones work (a router that forgot them).</summary>
    OldForgotten,
    /// <summary>Nothing passes; all of it does when the cut is over (a frozen proxy).</summary>
    Held,
    /// <summary>What is sent meanwhile is lost with its connection, which is never closed; so is what was open before (packets dropped).</summary>
    Swallowed,
    /// <summary>As swallowed, and new connections are closed at once.</summary>
    Refused,
}

/// <summary>A TCP proxy that can be cut, in front of a hub.</summary>
internal sealed class CutLine : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly List<Socket> _sockets = [];
    private readonly int _port;
    private readonly Task _accepting;
    private volatile TaskCompletionSource _open = new();
    private volatile int _generation;
    private Cut? _cut;

    public CutLine(Uri hub)
    {
        _port = hub.Port;
        _open.SetResult();
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        _accepting = Accept();
    }

    public Uri Address { get; }
    public int Connections { get; private set; }

    public void Begin(Cut cut)
    {
        if (cut == Cut.Held)
            _open = new();
        else
            Interlocked.Increment(ref _generation);
        _cut = cut;
    }

    public void End()
    {
        if (_cut is Cut.Swallowed or Cut.Refused)
            Interlocked.Increment(ref _generation);
        _cut = null;
        _open.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _open.TrySetResult();
        _listener.Stop();
        await _accepting;
        lock (_sockets)
            _sockets.ForEach(socket => socket.Dispose());
        _end.Dispose();
    }

    private async Task Accept()
    {
        while (!_end.IsCancellationRequested)
        {
            try
            {
                var client = Keep(await _listener.AcceptSocketAsync(_end.Token));
                Connections++;
                if (_cut == Cut.Refused)
                    client.Dispose();
                else
                    _ = Carry(client, _generation, _cut == Cut.Swallowed);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
            }
        }
    }

    private async Task Carry(Socket client, int generation, bool isSwallowed)
    {
        if (isSwallowed)
            return;
        var hub = Keep(new Socket(SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await hub.ConnectAsync(IPAddress.Loopback, _port, _end.Token);
            await Task.WhenAny(Pump(client, hub, generation), Pump(hub, client, generation));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            client.Dispose();
        }
    }

    /// <summary>Until one side closes; of a generation that was cut off nothing passes, and nobody is told.</summary>
    private async Task Pump(Socket from, Socket to, int generation)
    {
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var read = await from.ReceiveAsync(buffer, _end.Token);
            await _open.Task;
            if (_generation != generation)
                await Task.Delay(Timeout.Infinite, _end.Token);
            if (read == 0)
                break;
            await to.SendAsync(buffer.AsMemory(0, read), _end.Token);
        }
        from.Dispose();
        to.Dispose();
    }

    private Socket Keep(Socket socket)
    {
        lock (_sockets)
            _sockets.Add(socket);
        socket.NoDelay = true;
        return socket;
    }
}
