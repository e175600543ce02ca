using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>In a pool where nothing fails a node that is kept for a task has room when that was promised, and the task starts then (I7).</summary>
internal sealed class Promises(SimEnvironment env, SimPool pool)
{
    private readonly record struct Promise(long Until, SimTask First);

    /// <summary>What was promised to the lanes of (user, shape), the first promise of each that is not yet kept.</summary>
    private readonly Dictionary<(int User, int Shape), Promise> _promises = [];
    private readonly List<(int User, int Shape)> _seen = [];

    /// <summary>A promise stands until a task of the lane has gone to a node, or it has none that may go.</summary>
    public void Check(SchedulerCore core)
    {
        if (!env.Plan.IsCalm) return;
        _seen.Clear();
        foreach (var kept in core.Reservations)
        {
            var first = pool.TaskOf(kept.Lane.First.TaskId);
            var lane = (first.User, first.Shape.Number);
            _seen.Add(lane);
            if (kept.Promise == long.MaxValue) continue;
            if (!_promises.TryGetValue(lane, out var promise))
            {
                env.Figures.Promises++;
                _promises.Add(lane, promise = new(kept.Promise - VirtualClock.At(0).UtcTicks + env.Plan.Slack, first));
            }
            if (env.Time.Ticks > promise.Until)
                throw env.Broken("I7", $"{first.Id} was to start on {kept.Node.NodeId} by {TimeSpan.FromTicks(promise.Until):c} and still waits");
        }
        if (_promises.Count == _seen.Count) return;
        foreach (var (lane, promise) in _promises)
        {
            if (_seen.Contains(lane)) continue;
            var first = promise.First;
            if (!first.InQueue || first.Offer is not null || first.RestsUntil > env.Time.Ticks || !MayHoldOne(core, first)) _promises.Remove(lane);
            else if (env.Time.Ticks > promise.Until) throw env.Broken("I7", $"{first.Id} was to start by {TimeSpan.FromTicks(promise.Until):c}, and no node is kept for it any more");
        }
    }

    /// <summary>Its account's quota allows one more.</summary>
    public static bool MayHoldOne(SchedulerCore core, SimTask task) => core.Shares.Find(task.Born.UserId) is not { } account || account.MayHold(task.Shape.Size);

    public void Kept(SimTask task) => _promises.Remove((task.User, task.Shape.Number));

    /// <summary>The scheduler that gave them has died.</summary>
    public void Clear() => _promises.Clear();
}
