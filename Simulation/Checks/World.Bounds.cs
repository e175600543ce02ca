using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>
/// Waits that are bounded (I7). In a pool where nothing fails a node that is kept for a task has room when that was promised, and the task
/// starts then; and every task starts within a time that follows from the shares.
/// </summary>
internal sealed partial class World
{
    private readonly record struct Promise(long Until, SimTask First);

    /// <summary>What was promised to the lanes of (user, shape), the first promise of each that is not yet kept.</summary>
    private readonly Dictionary<(int User, int Shape), Promise> _promises = [];
    private readonly List<(int User, int Shape)> _seen = [];
    private bool _smallWorld;
    private double[] _userSubmitted = [];
    private double[] _userEnded = [];

    private void PrepareBounds()
    {
        _smallWorld = _plan.Nodes.Count * _plan.MostOpen <= 3000;
        _userSubmitted = new double[_plan.Users.Count];
        _userEnded = new double[_plan.Users.Count];
    }

    /// <summary>A promise stands until a task of the lane has gone to a node, or it has none that may go.</summary>
    private void CheckPromises()
    {
        if (!_plan.IsCalm) return;
        _seen.Clear();
        foreach (var kept in _core.Reservations)
        {
            var first = _pool.TaskOf(kept.Lane.First.TaskId);
            var lane = (first.User, first.Shape.Number);
            _seen.Add(lane);
            if (kept.Promise == long.MaxValue) continue;
            if (!_promises.TryGetValue(lane, out var promise))
            {
                Figures.Promises++;
                _promises.Add(lane, promise = new(kept.Promise - VirtualClock.At(0).UtcTicks + _plan.Slack, first));
            }
            if (_time.Ticks > promise.Until)
                throw _env.Broken("I7", $"{first.Id} was to start on {kept.Node.NodeId} by {TimeSpan.FromTicks(promise.Until):c} and still waits");
        }
        if (_promises.Count == _seen.Count) return;
        foreach (var (lane, promise) in _promises)
        {
            if (_seen.Contains(lane)) continue;
            var first = promise.First;
            if (!first.InQueue || first.Offer is not null || first.RestsUntil > _time.Ticks || !MayHoldOne(first)) _promises.Remove(lane);
            else if (_time.Ticks > promise.Until) throw _env.Broken("I7", $"{first.Id} was to start by {TimeSpan.FromTicks(promise.Until):c}, and no node is kept for it any more");
        }
    }

    private bool MayHoldOne(SimTask task) => _core.Shares.Find(task.Born.UserId) is not { } account || account.MayHold(task.Shape.Size);

    private void Kept(SimTask task) => _promises.Remove((task.User, task.Shape.Number));

    /// <summary>
    /// Of every fourth task that nothing holds back. Ahead of it may go: what its own account had open, and what that submits in higher bands until the task has
    /// aged past them; and others, until what its account has used is forgotten or others have used as much.
    /// </summary>
    private void AskWhenItMustHaveStarted(SimTask task)
    {
        _userSubmitted[task.User] += Work(task);
        if (!_plan.IsCalm || task.Number % 4 != 0 || !_pool.MayEverRun(task)) return;
        if (_plan.Scheduling.OfRole(_plan.Users[task.User].Role) is { MaxRunning: > 0 } or { MaxCores: > 0 }) return;
        task.AheadFrom = _userEnded[task.User];
        _time.Later(3 * _plan.Scheduling.AgingStep.Ticks, EventKind.WaitBound, task.Number, 1);
    }

    private void WaitBound(SimTask task, int question)
    {
        if (task.FirstGrantAt >= 0 || task.Terminal is not null) return;
        if (question == 2) throw _env.Broken("I7", $"{task.Id} ({task.Shape}) of {task.Born.UserId} has waited since {task.Born.SubmittedAt:HH:mm:ss}, longer than its share allows: {_core.Explain(task.Id, _time.Now).Text}");
        Figures.BoundsAsked++;
        var (mine, all) = (_plan.Scheduling.OfRole(_plan.Users[task.User].Role).Weight, _plan.Users.Sum(user => _plan.Scheduling.OfRole(user.Role).Weight));
        var bands = _plan.Scheduling.BandWeights.Urgent / _plan.Scheduling.BandWeights.Low;
        var (here, whole) = (Capacity(task, onlyFeasible: true), Capacity(task, onlyFeasible: false));
        var share = here * mine / all / bands;
        var own = (_userSubmitted[task.User] - task.AheadFrom) / share;
        var forgotten = _plan.Scheduling.UsageHalfLife.TotalSeconds * (Math.Log2(2 * all / mine * bands * whole / here) + 2);
        var longest = _plan.Shapes.Max(shape => shape.MeanSeconds * Math.Min(6, shape.TimeoutFactor));
        _time.Later(Ticks.Seconds(Math.Min(1e6, own + 2 * forgotten + 20 * longest)) + _plan.Slack, EventKind.WaitBound, task.Number, 2);
    }

    /// <summary>What the nodes that may run such a task do in a second, counted in such tasks; or what all nodes do.</summary>
    private double Capacity(SimTask task, bool onlyFeasible)
    {
        var sum = 0.0;
        foreach (var node in _pool.Nodes)
        {
            var total = ResourceVector.Of(node.Rules.Held.Total);
            if (!onlyFeasible) sum += FairShare.Cost(total);
            else if (_pool.Runs(node, task.Shape) && (node.Capabilities.AcceptsStrangers || node.Owner == task.User)) sum += FairShare.Cost(task.Shape.Size);
        }
        return sum;
    }

    private double Work(SimTask task) => FairShare.Cost(task.Shape.Size) * Math.Min(task.RunTicks, task.Born.RunTimeout.Ticks) / Ticks.Second;

    /// <summary>All that can end has ended, everything has been given back, and nobody has a wrong idea left.</summary>
    private bool IsQuiet()
    {
        if (_pool.Open.Count == 0 && _inQueue == 0 && _pool.Nodes.All(node => node.Rules.Held.Running.Count == 0 && node.Machine.Runs.Count == 0))
        {
            // Longer, so that everybody has heard it, or has not been heard for long enough.
            if (_quietSince < 0) _quietSince = _time.Ticks;
            return _time.Ticks - _quietSince > 4 * _plan.Heartbeat + (_plan.IsCalm ? 0 : LongestSilence + 10 * DueEvery);
        }
        _quietSince = -1;
        if (_time.Ticks - _movedAt > LongestStall) throw _env.Broken("I10", $"nothing has moved for {TimeSpan.FromTicks(LongestStall):c}, and {Stuck()}");
        return false;
    }

    private long _quietSince = -1;
    /// <summary>
    /// What a dead submit left is looked at from an age on in one sweep of several, and goes when it is looked at again; and a hub that is away sweeps nothing.
    /// </summary>
    private long LongestStall => SweepRules.TrustBound.Ticks + 2 * SweepRules.CheckEvery(_pool.Tasks.Count) * _plan.SweepEvery + 5 * Ticks.Minute;

    private string Stuck()
    {
        foreach (var task in _pool.Open)
            return $"{_pool.Open.Count} tasks are open, {task.Id} ({task.Shape}) of {task.Born.UserId} is {task.Record?.State}, {(task.InQueue ? "in the queue" : "not in the queue")}, mark {task.Mark}: {_core.Explain(task.Id, _time.Now).Text}";
        if (_pool.Tasks.Find(task => task.InQueue) is { } one)
            return $"the scheduler waits with {one.Id} ({one.Shape}), which has ended: {_core.Explain(one.Id, _time.Now).Text}";
        var node = _pool.Nodes.First(node => node.Rules.Held.Running.Count > 0 || node.Machine.Runs.Count > 0);
        return $"{node.Id} still has {node.Rules.Held.Free} of {node.Rules.Held.Total} free, for {node.Rules.Held.Running.Count} tasks, and its machine {node.Machine.Runs.Count} runs";
    }

    private void CheckEnd()
    {
        Audit();
        foreach (var task in _pool.Tasks)
            if (task.Record is not null && task.Terminal is null) throw _env.Broken("I10", $"{task.Id} has left the index and is {task.Record.State}");
        foreach (var node in _pool.Nodes)
            if (node.Rules.Held.Free != node.Rules.Held.Total) throw _env.Broken("I6", $"{node.Id} holds nothing, and {node.Rules.Held.Free} of {node.Rules.Held.Total} are free");
        if (_inQueue != 0) throw _env.Broken("I10", $"{_inQueue} tasks that have ended are left in the scheduler's queue");
        for (var number = 0; number < _plan.Users.Count; number++)
        {
            var user = _plan.Users[number];
            var load = _core.LoadOf(user.Id);
            if (load is not { Waiting: 0, Running: 0, MilliCores: 0 }) throw _env.Broken("Conservation", $"nothing is open and the scheduler counts {load} for {user.Id}, {_inQueue} in its queue by our account");
        }
    }
}
