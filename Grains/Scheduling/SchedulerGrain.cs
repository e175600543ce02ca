using System.Diagnostics;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace HiveMind.Scheduling;

/// <summary>
/// The shell of <see cref="SchedulerCore"/>: turns messages into calls of the core, and the core's proposals into offers. No turn waits
/// for another grain: an offer's answer comes back as a turn of its own.
/// </summary>
[GrainType("scheduler")]
public sealed partial class SchedulerGrain(
    IUnfinishedIndex index, IPlacementPolicy policy, IOptions<HubOptions> options, TimeProvider time, ILogger<SchedulerGrain> logger)
    : Grain, ISchedulerGrain
{
    /// <summary>Tasks proposed in one turn, so that a long queue never holds up the others' messages.</summary>
    private const int TasksPerTurn = 1024;
    /// <summary>A node that holds its lease tells with every heartbeat, so several times in each.</summary>
    private const int LeasesUntilSilent = 4;
    private static readonly TimeSpan DueCheck = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RebuildRetry = TimeSpan.FromSeconds(1);

    private readonly SchedulerCore _core = new(policy, options.Value.Scheduling, (int)time.GetUtcNow().UtcTicks);
    private readonly DateTimeOffset _began = time.GetUtcNow();
    private readonly long _beganAt = time.GetTimestamp();
    private readonly Dictionary<string, Task> _offers = [];
    private readonly CancellationTokenSource _stopping = new();
    private bool _isWhole;
    private bool _pumpRequested;
    private Task _pump = Task.CompletedTask;
    private Task _rebuild = Task.CompletedTask;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        DelayDeactivation(TimeSpan.MaxValue);
        this.RegisterGrainTimer(
            _ => { SchedulingInstruments.Counted(_core.Counts); EndExpired(); ForgetSilent(); Pump(); return Task.CompletedTask; },
            new GrainTimerCreationOptions(DueCheck, DueCheck) { KeepAlive = true });
        _rebuild = Rebuild(_stopping.Token);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        SchedulingInstruments.Stopped();
        await _stopping.CancelAsync();
        await Task.WhenAll(_pump, _rebuild).WaitAsync(cancellationToken).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    public Task Enqueue(IReadOnlyList<PendingTask> tasks)
    {
        foreach (var task in tasks) _core.Enqueue(task, Now);
        RequestPump();
        return Task.CompletedTask;
    }

    public Task Remove(IReadOnlyList<string> taskIds)
    {
        foreach (var id in taskIds) _core.Remove(id);
        return Task.CompletedTask;
    }

    public Task NodeChanged(string nodeId, NodeView? view)
    {
        if (view is null) _core.NodeGone(nodeId, Now);
        else _core.NodeChanged(view, Now);
        RequestPump();
        return Task.CompletedTask;
    }

    public Task<WaitReason> Explain(string taskId) => Task.FromResult(_core.Explain(taskId, Now));

    public Task<TaskExplanation> ExplainWhole(string taskId) => Task.FromResult(_core.ExplainWhole(taskId, Now));

    public Task<UserLoad> GetUserLoad(string userId) => Task.FromResult(_core.LoadOf(userId));

    public Task<IReadOnlyList<string>> NodesOf(string ownerId) => Task.FromResult(_core.NodesOf(ownerId));

    public Task<SchedulerCounts> GetCounts() => Task.FromResult(_core.Counts);

    public Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds) =>
        Task.FromResult<IReadOnlyList<string>>([.. taskIds.Where(id => !_core.KnowsNamed(id))]);

    public Task<IReadOnlyList<string>> TakeUnnamed(int most) => Task.FromResult(_core.TakeUnnamed(most));

    public Task<bool> IsWhole() => Task.FromResult(_isWhole);

    private DateTimeOffset Now
    {
        get
        {
            var now = time.GetUtcNow();
            _core.ClockStepped = now - _began - time.GetElapsedTime(_beganAt);
            return now;
        }
    }

    /// <summary>Pumps after the messages that are already here, so that a burst becomes few offers instead of many.</summary>
    private void RequestPump()
    {
        if (_pumpRequested || _stopping.IsCancellationRequested) return;
        _pumpRequested = true;
        _pump = PumpSoon();
    }

    private async Task PumpSoon()
    {
        await Task.Yield();
        Activity.Current = null; // it serves all that waits: the trace of whoever asked first would never end
        _pumpRequested = false;
        Pump();
    }

    private void Pump()
    {
        if (_stopping.IsCancellationRequested) return;
        try
        {
            var proposed = 0;
            foreach (var offer in _core.Propose(Now, TasksPerTurn))
            {
                proposed += offer.Tasks.Count;
                var sending = Send(offer);
                if (!sending.IsCompleted) _offers[offer.NodeId] = sending;
            }
            if (proposed >= TasksPerTurn) RequestPump();
        }
        catch (Exception exception)
        {
            // The picture cannot be trusted any more; it is made anew from the index and the nodes' next views.
            LogCoreFailed(logger, exception);
            DeactivateOnIdle();
        }
    }

    private async Task Send(NodeOffer offer)
    {
        try
        {
            var node = GrainFactory.GetGrain<INodeGrain>(offer.NodeId);
            SchedulingInstruments.Offered();
            var result = await node.Offer([.. offer.Tasks.Select(task => new TaskOffer(task))]);
            SchedulingInstruments.Answered(result);
            _core.OfferAnswered(offer.NodeId, result, Now);
        }
        catch (Exception exception)
        {
            SchedulingInstruments.OfferFailed();
            LogOfferFailed(logger, exception, offer.NodeId, offer.Tasks.Count);
            _core.OfferFailed(offer.NodeId, Now);
        }
        _offers.Remove(offer.NodeId);
        RequestPump();
    }

    private void ForgetSilent()
    {
        foreach (var nodeId in _core.ForgetSilent(Now, LeasesUntilSilent * options.Value.Tasks.LeaseDuration)) LogSilent(logger, nodeId);
    }

    /// <summary>The tasks whose time to start is over. Their records decide; who cannot be reached is named again in a few seconds.</summary>
    private void EndExpired()
    {
        foreach (var taskId in _core.TakeExpired(Now, TasksPerTurn)) _ = End(taskId);

        async Task End(string taskId)
        {
            try
            {
                if (await GrainFactory.GetGrain<ITaskGrain>(taskId).Expire(_core.WaitedHere(taskId, Now)) is { } left) _core.NotExpired(taskId, left, Now);
                else _core.ForgetExpired(taskId);
            }
            catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
            {
                _core.ForgetExpired(taskId); // in a second it is no other: the sweeper asks it with every sweep
            }
            catch (Exception exception)
            {
                LogExpireFailed(logger, exception, taskId);
            }
        }
    }

    /// <summary>
    /// One pass over the index, while serving. An entry with a mark may be on a node, and one that cannot be read
    /// may be anything: the sweeper asks. What ended since it was read is
    /// refused by its record when a node asks for it.
    /// </summary>
    private async Task Rebuild(CancellationToken cancel)
    {
        await Task.Yield();
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                var (found, skipped) = (0, 0);
                await foreach (var entry in index.Scan(cancel, _ => skipped++))
                {
                    if (entry.MarkedNode is not null) continue;
                    _core.Enqueue(entry.Task, Now);
                    if (++found % TasksPerTurn == 0) RequestPump();
                }
                _isWhole = true;
                LogRebuilt(logger, found);
                if (skipped > 0) LogUnreadable(logger, skipped);
                RequestPump();
                return;
            }
            catch (Exception exception) when (!cancel.IsCancellationRequested)
            {
                LogRebuildFailed(logger, exception);
                await Task.Delay(RebuildRetry, time, cancel).ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }
}
