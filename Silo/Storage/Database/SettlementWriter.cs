using System.Threading.Channels;
using HiveMind.Faults;
using HiveMind.Rewards;

namespace HiveMind.Storage;

/// <summary>
/// One per silo: ended tasks to the database in batches, then out of the unfinished index. Repeats until done; what alone cannot be written is
/// parked and never holds up the others. A crash anywhere is mended by the sweeper, which posts again.
/// </summary>
public sealed partial class SettlementWriter(SqliteDatabase database, IUnfinishedIndex index, TimeProvider time, ILogger<SettlementWriter> logger)
    : BackgroundService, ISettlements
{
    private const int BatchLimit = 500;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(100), LongestDelay = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(5);
    private readonly Channel<Settlement> _queue = Channel.CreateUnbounded<Settlement>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock _gate = new();
    private readonly HashSet<string> _open = []; // bounds the queue: the sweeper may post the same task every minute while the database is away
    private TaskCompletionSource? _idle;

    /// <summary>In the database and out of the index. Raised on the writer's own way: who listens returns at once.</summary>
    public event Action<IReadOnlyList<Settlement>>? Settled;

    public void Post(Settlement settlement)
    {
        lock (_gate)
        {
            if (!_open.Add(settlement.TaskId)) return;
        }

        DatabaseInstruments.Posted();

        if (!_queue.Writer.TryWrite(settlement)) Close([settlement.TaskId]); // stopping: the index still has it
    }

    public int Open
    {
        get
        {
            lock (_gate) return _open.Count;
        }
    }

    /// <summary>Done when nothing posted so far is open.</summary>
    public Task WhenIdle()
    {
        lock (_gate)
        {
            if (_open.Count == 0) return Task.CompletedTask;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _idle.Task;
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        if (ExecuteTask is { } running)
        {
            using var drain = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            drain.CancelAfter(DrainTime);
            await running.WaitAsync(drain.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var batch = new List<Settlement>(BatchLimit);
        while (await _queue.Reader.WaitToReadAsync(stoppingToken))
        {
            batch.Clear();
            while (batch.Count < BatchLimit && _queue.Reader.TryRead(out var next)) batch.Add(next);
            string[] ids = [.. batch.Select(s => s.TaskId)];
            await UntilDone(() => Settle(batch, stoppingToken), stoppingToken);
            Failpoint.Hit(Failpoints.EndAfterDatabase);
            await UntilDone(() => index.Remove(ids), stoppingToken);
            Failpoint.Hit(Failpoints.EndAfterIndex);
            Settled?.Invoke([.. batch]);
            Close(ids);
        }
    }

    private async Task Settle(List<Settlement> batch, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var parked = await database.Settle(batch, cancel);
        DatabaseInstruments.Settled(batch.Count, parked.Count, time.GetElapsedTime(began));
        LogParked(parked);
    }

    private async Task UntilDone(Func<Task> step, CancellationToken cancel)
    {
        for (var delay = FirstDelay; ; delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay)
        {
            try
            {
                await step();
                return;
            }
            catch (Exception e) when (!cancel.IsCancellationRequested)
            {
                DatabaseInstruments.Retried();
                LogRetry(logger, delay.TotalMilliseconds, e);
                await Task.Delay(delay, time, cancel);
            }
        }
    }

    private void Close(IReadOnlyCollection<string> taskIds)
    {
        DatabaseInstruments.Closed(taskIds.Count);
        TaskCompletionSource? idle = null;
        lock (_gate)
        {
            _open.ExceptWith(taskIds);
            if (_open.Count == 0) (idle, _idle) = (_idle, null);
        }

        idle?.SetResult();
    }

    private void LogParked(IReadOnlyList<(Settlement Settlement, string Error)> parked)
    {
        foreach (var (settlement, error) in parked) LogParked(logger, settlement.TaskId, error);
    }

    [LoggerMessage(1, LogLevel.Error, "The settlement of task {TaskId} cannot be written and was parked: {Error}")]
    private static partial void LogParked(ILogger logger, string taskId, string error);

    [LoggerMessage(2, LogLevel.Warning, "Settling failed, again in {DelayMs} ms")]
    private static partial void LogRetry(ILogger logger, double delayMs, Exception e);
}
