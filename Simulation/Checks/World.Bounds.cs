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
        _smallWorld = _plan.Nodes.Count * _plan.MostOpen <= 2000;
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
            var first = TaskOf(kept.Lane.First.TaskId);
            var lane = (first.User, first.Shape.Number);
            _seen.Add(lane);
            if (kept.Promise == long.MaxValue) continue;
            if (!_promises.TryGetValue(lane, out var promise))
            {
                Figures.Promises++;
                _promises.Add(lane, promise = new(kept.Promise - VirtualClock.At(0).UtcTicks + _plan.Slack, first));
            }
            if (_clock.Ticks > promise.Until)
                throw Broken("I7", $"{first.Id} was to start on {kept.Node.NodeId} by {TimeSpan.FromTicks(promise.Until):c} and still waits");
        }
        if (_promises.Count == _seen.Count) return;
        foreach (var lane in _promises.Keys)
            if (!_seen.Contains(lane)) _promises.Remove(lane); // given up: it has no ready task, or its account holds all it may
    }

    private void Kept(SimTask task) => _promises.Remove((task.User, task.Shape.Number));

    private void AskWhenItMustHaveStarted(SimTask task)
    {
    }

    private void WaitBound(SimTask task, int question)
    {
    }

    /// <summary>All that can end has ended, everything has been given back, and nobody has a wrong idea left.</summary>
    private bool IsQuiet()
    {
        if (_open.Count == 0 && _inQueue == 0 && _nodes.All(node => node.Held.Count == 0 && node.Machine.Runs.Count == 0)) return true;
        if (_clock.Ticks - _movedAt > _longestStall) throw Broken("I10", $"nothing has moved for {TimeSpan.FromTicks(_longestStall):c}, and {Stuck()}");
        return false;
    }

    private readonly long _longestStall = 20 * Ticks.Minute;

    private string Stuck()
    {
        foreach (var task in _open)
            return $"{_open.Count} tasks are open, {task.Id} ({task.Shape}) of {task.Born.UserId} is {task.Record?.State}, {(task.InQueue ? "in the queue" : "not in the queue")}, mark {task.Mark}: {_core.Explain(task.Id, _now).Text}";
        if (_inQueue > 0) return $"the scheduler still waits with {_inQueue} tasks that have ended, as {_tasks.First(task => task.InQueue).Id}";
        var node = _nodes.First(node => node.Held.Count > 0 || node.Machine.Runs.Count > 0);
        return $"{node.Id} still holds {node.HeldSum} for {node.Held.Count} tasks, and its machine {node.Machine.Runs.Count} runs";
    }

    private void CheckEnd()
    {
        Audit();
        foreach (var task in _tasks)
            if (task.Record is not null && task.Terminal is null) throw Broken("I10", $"{task.Id} has left the index and is {task.Record.State}");
        foreach (var node in _nodes) CheckRoom(node, node.Room.Free);
        foreach (var user in _plan.Users)
            if (_core.LoadOf(user.Id) is not { Waiting: 0, Running: 0, MilliCores: 0 } and var load) throw Broken("Conservation", $"nothing is open and the scheduler counts {load} for {user.Id}");
    }
}
