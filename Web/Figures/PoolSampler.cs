using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace HiveMind.Web.Figures;

/// <summary>
/// Looks at the pool once for all visitors of this silo: every two seconds while somebody watches, every ten otherwise. However many
/// watch, the hub answers one question at a time; and asking all nodes takes at most a twentieth of the time, however many there are.
/// </summary>
public sealed partial class PoolSampler(
    IGrainFactory grains, IUnfinishedIndex unfinished, ISettlements settlements, IPoolDatabase database, IActivity activity, INodeDirectory nodes, TimeProvider time, ILogger<PoolSampler> log)
    : BackgroundService
{
    public static readonly TimeSpan Watched = TimeSpan.FromSeconds(2), Unwatched = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private const int ShareOfTime = 20;

    private readonly ActivityRing _ring = new();
    private readonly List<Action> _watchers = [];
    private readonly SemaphoreSlim _wanted = new(0, 1);
    private volatile PoolBoard? _board;
    private NodeFigures _nodes = NodeFigures.None;
    private long _nodesAskedAt;
    private TimeSpan _nodesRest;
    private DateTimeOffset? _endedAskedAt;
    private bool _failing;

    /// <summary>The last that was seen.</summary>
    public PoolBoard Board => _board ?? PoolBoard.Empty(time.GetUtcNow(), new ActivityRing().Points(time.GetUtcNow()));

    /// <summary>Calls back after each look until disposed. The callback must not block: it is one of many.</summary>
    public IDisposable Watch(Action looked)
    {
        lock (_watchers) _watchers.Add(looked);
        LookSoon();
        return new Watcher(this, looked);
    }

    public override void Dispose()
    {
        _wanted.Dispose();
        base.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Look(stoppingToken);
                if (IsWatched) await Task.Delay(Watched, time, stoppingToken);
                else await WaitUnwatched(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
        }
    }

    /// <summary>One look: what answers is new, what does not answer in time stays as it was and is said to be stale.</summary>
    internal async Task Look(CancellationToken cancel)
    {
        var before = Board;
        var now = time.GetUtcNow();
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(Patience);
            var counts = await grains.GetGrain<ISchedulerGrain>(Shards.Default).GetCounts().WaitAsync(limit.Token);
            var running = counts.Running(await unfinished.Count().WaitAsync(limit.Token), settlements.Open);
            var totals = await database.PoolTotals(now.AddHours(-24), limit.Token);
            _ring.Ended(await activity.Ended(_ring.AskFrom(now, _endedAskedAt), ActivityRing.SlotLength, limit.Token));
            _endedAskedAt = now;
            var last = await activity.LastEnded(limit.Token);
            await LookAtNodes(limit.Token);
            _ring.Seen(now, counts.Pending, running);
            var points = _ring.Points(now);
            _board = new PoolBoard
            {
                At = now, Nodes = _nodes, Waiting = counts.Pending, Running = running, Recent = EndedFigures.Of(points), CompletedToday = totals.Completed,
                MeanSecondsToday = totals.MeanSeconds, Last = last, Points = points,
            };
            _failing = false;
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            if (!_failing) LookFailed(e.GetType().Name, e.Message);
            _failing = true;
            _board = before with { Points = _ring.Points(now), IsStale = true };
        }

        Tell();
    }

    /// <summary>Nodes are asked one by one, so this is what grows with the pool: after it took long, it rests longer.</summary>
    private async Task LookAtNodes(CancellationToken cancel)
    {
        if (_nodesAskedAt != 0 && time.GetElapsedTime(_nodesAskedAt) < _nodesRest) return;
        var began = time.GetTimestamp();
        _nodes = NodeFigures.Of(await nodes.Recent(cancel));
        _nodesAskedAt = time.GetTimestamp();
        _nodesRest = time.GetElapsedTime(began, _nodesAskedAt) * ShareOfTime;
    }

    private bool IsWatched
    {
        get { lock (_watchers) return _watchers.Count > 0; }
    }

    private async Task WaitUnwatched(CancellationToken stop) => await _wanted.WaitAsync(Unwatched, stop);

    private void LookSoon()
    {
        try
        {
            if (_wanted.CurrentCount == 0) _wanted.Release();
        }
        catch (SemaphoreFullException)
        {
            // two came at the same moment: one look is enough for both
        }
    }

    private void Tell()
    {
        Action[] watchers;
        lock (_watchers) watchers = [.. _watchers];
        foreach (var watcher in watchers) watcher();
    }

    private void Forget(Action looked)
    {
        lock (_watchers) _watchers.Remove(looked);
    }

    private sealed class Watcher(PoolSampler sampler, Action looked) : IDisposable
    {
        public void Dispose() => sampler.Forget(looked);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The page's figures are not renewed now: {Type} {Text}")]
    private partial void LookFailed(string type, string text);
}
