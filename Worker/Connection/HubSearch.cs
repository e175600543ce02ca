using Grpc.Core;

namespace HiveMind.Workers.Connection;

/// <summary>
/// Looks for a way to the hub: each of its addresses in turn, on a new connection each time, one begun soon after the other and not when the one before has
/// given up. So neither a packet that is lost while the line is cut, nor a proxy that swallows all, costs more than the pause between two; and a slow
/// line has its time all the same.
/// </summary>
internal sealed class HubSearch(IReadOnlyList<Uri> hubs, Func<Uri, HubChannel> open, TimeProvider time)
{
    private const int MostAtOnce = 8;
    private static readonly TimeSpan ProbePatience = TimeSpan.FromSeconds(5);

    private readonly List<(HubChannel Channel, Task<RpcException?> Probe, CancellationTokenSource Cancel)> _open = [];
    private int _next;

    /// <summary>Why the last one that failed did.</summary>
    public (Uri Hub, RpcException Failure)? LastFailure { get; private set; }

    /// <summary>Begins one more and waits for any to be answered, for as long as the pause: the channel that was, or null.</summary>
    public async Task<HubChannel?> Look(TimeSpan pause, CancellationToken cancel)
    {
        Begin();
        var until = Task.Delay(pause, time, cancel);
        while (!until.IsCompleted)
        {
            await Task.WhenAny([until, .. _open.Select(o => o.Probe)]);
            cancel.ThrowIfCancellationRequested();
            if (Settle() is { } answered)
                return answered;
        }
        return null;
    }

    /// <summary>No more need of one.</summary>
    public void Clear()
    {
        LastFailure = null;
        while (_open.Count > 0)
            Close(_open[0]);
    }

    private void Begin()
    {
        if (_open.Count == MostAtOnce)
            Close(_open[0]);
        var channel = open(hubs[_next++ % hubs.Count]);
        var cancel = new CancellationTokenSource();
        _open.Add((channel, channel.Probe(ProbePatience, cancel.Token), cancel));
    }

    private HubChannel? Settle()
    {
        foreach (var one in _open.Where(o => o.Probe.IsCompleted).ToList())
        {
            if (one.Probe is { IsCompletedSuccessfully: true, Result: null })
            {
                _open.Remove(one);
                one.Cancel.Dispose();
                return one.Channel;
            }
            LastFailure = (one.Channel.Address, one.Probe.IsCompletedSuccessfully ? one.Probe.Result! : new RpcException(new Status(StatusCode.Unavailable, "it does not answer")));
            Close(one);
        }
        return null;
    }

    private void Close((HubChannel Channel, Task<RpcException?> Probe, CancellationTokenSource Cancel) one)
    {
        _open.Remove(one);
        one.Cancel.Cancel();
        one.Channel.Dispose();
        one.Probe.ContinueWith(t => { _ = t.Exception; one.Cancel.Dispose(); }, TaskScheduler.Default);
    }
}
