using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// All that waits: accounts in the order of their shares, in each its lanes in the order of their first tasks. A submit, a removal and a placement cost
/// O(log n) whatever waits. A shape that found no room is parked, for everybody, until a node grows on which it fits.
/// </summary>
internal sealed class PendingQueue(Shares shares, PoolPicture pool, ShapeBook shapes, long agingStep, TimeSpan elsewhereFor)
{
    private static readonly long AskAgainAfter = 5 * TimeSpan.TicksPerSecond;
    /// <summary>No pause is longer. One that ends later than that is told by another clock, and lasts so long from now.</summary>
    private static readonly long LongestPause = RetryPolicy.LongestPause.Ticks, ClockSlack = 5 * TimeSpan.TicksPerSecond;

    private readonly Dictionary<string, QueuedTask> _tasks = [];
    private readonly DueHeap _held = new(static (task, due) => task is { Gone: false, Place: QueuePlace.Held } && task.HeldUntil == due);
    private readonly DueHeap _deadlines = new(static (task, _) => !task.Gone);
    /// <summary>Tasks that leave nodes out, by when they do so no more, and the same by task.</summary>
    private readonly DueHeap _elsewhere = new(static (task, _) => !task.Gone);
    private readonly Dictionary<string, long> _elsewhereUntil = [];
    /// <summary>The shapes of such tasks, and the pool as they last met it.</summary>
    private readonly HashSet<Shape> _leavingOut = [];
    private long _poolMet;
    /// <summary>Shapes that may find room on nodes which take anyone's tasks; the others are parked.</summary>
    private readonly ShapeSet _open = new();
    private readonly HashSet<Shape> _infeasible = [];
    /// <summary>The round of sweeps. A task that was named 256 rounds ago looks named for one of them.</summary>
    private byte _round;
    /// <summary>How many tasks neither came in this round nor were named in it yet; never less.</summary>
    private int _unnamed;

    public int Count => _tasks.Count;

    /// <summary>Places in memory for what is due at some time: about as many as tasks, never as many as there ever were.</summary>
    public int Due => _held.Size + _deadlines.Size + _elsewhere.Size;

    /// <summary>Parked shapes that were compared with a node that grew: what a finished task costs beside its placements.</summary>
    public long ShapesCompared { get; private set; }

    public QueuedTask? Find(string taskId) => _tasks.GetValueOrDefault(taskId);

    public void Add(PendingTask task, long now)
    {
        var account = shares.Of(task.UserId);
        shares.SetRole(account, task.Role);
        var key = ShapeKey.Of(task);
        if (task.FailedOn.Length > 0 && elsewhereFor > TimeSpan.Zero) key = key with { LeftOut = RetryElsewhere.Nodes(task.FailedOn) };
        var lane = LaneOf(account, key);
        var queued = new QueuedTask(task, lane, agingStep) { QueuedAt = now - shares.Stepped, Named = _round };
        _tasks.Add(task.TaskId, queued);
        lane.Tasks++;
        account.Waiting++;
        if (queued.HasDeadline) _deadlines.Add(queued, queued.StartBy);
        var from = task.NotBefore.UtcTicks;
        if (from > now) Hold(queued, from - now > LongestPause + ClockSlack ? now + LongestPause : from);
        else MakeReady(queued);
        if (lane.Shape.LeavesOut) LeaveOut(queued, Math.Max(now, queued.HeldUntil) + RetryElsewhere.For(task.FailedOn, elsewhereFor).Ticks);
    }

    /// <summary>Until then it leaves out the nodes on which it failed; null: it leaves out none.</summary>
    public long? ElsewhereUntil(QueuedTask queued) => queued.Lane.Shape.LeavesOut && _elsewhereUntil.TryGetValue(queued.TaskId, out var until) ? until : null;

    public void Remove(QueuedTask queued)
    {
        queued.Gone = true;
        _tasks.Remove(queued.TaskId);
        if (queued.Named != _round) _unnamed--;
        if (queued.HasDeadline) _deadlines.Forget();
        if (queued is { Place: QueuePlace.Held, IsExpired: false }) _held.Forget();
        var lane = queued.Lane;
        if (lane.Shape.LeavesOut && _elsewhereUntil.Remove(queued.TaskId)) _elsewhere.Forget();
        if (queued.Place == QueuePlace.Ready)
        {
            lane.Waiting.Forget();
            Review(lane);
        }
        if (queued.Place != QueuePlace.Offered) lane.Account.Waiting--;
        if (--lane.Tasks == 0) Forget(lane);
    }

    /// <summary>Whether it is here; and the index has it, says who asks.</summary>
    public bool Name(string taskId)
    {
        if (!_tasks.TryGetValue(taskId, out var queued)) return false;
        if (queued.Named == _round) return true;
        queued.Named = _round;
        _unnamed--;
        return true;
    }

    /// <summary>Up to so many that came in an earlier round and were not named in this one, which ends. Looked for only where there are any.</summary>
    public List<string> TakeUnnamed(int most)
    {
        var unnamed = new List<string>();
        if (_unnamed > 0)
        {
            foreach (var queued in _tasks.Values)
            {
                if (queued.Named == _round) continue;
                unnamed.Add(queued.TaskId);
                if (unnamed.Count == Math.Min(_unnamed, most)) break;
            }
        }
        _round++;
        _unnamed = _tasks.Count;
        return unnamed;
    }

    /// <summary>The next that may find room, and where its account stands: those before it have nothing that may.</summary>
    public (Lane? Lane, int Place) Next()
    {
        var ranking = shares.Ranking;
        for (var place = 0; place < ranking.Count; place++)
            if (ranking[place].FirstThatMayFit(_open) is { } lane) return (lane, place);
        return (null, 0);
    }

    /// <summary>Nothing has room for tasks of this shape now, whoever sent them; and what never will is taken out of the lanes in turn.</summary>
    public void Park(Lane lane)
    {
        var shape = lane.Shape;
        _open.Remove(shape.Number);
        lane.Account.OnOwnNodes?.Remove(shape.Number);
        if (pool.IsFeasible(shape, lane.Account)) return;
        _infeasible.Add(shape);
        shape.IsInfeasible = true;
        foreach (var other in shape.Lanes) ReviewFeasibility(other);
    }

    /// <summary>This node is new, or larger than it was: what no other could hold is looked at again.</summary>
    public void Hope(NodeSlot slot)
    {
        if (_infeasible.Count == 0 || slot.Class is not { } nodes) return;
        foreach (var shape in _infeasible.Where(shape => nodes.Shapes.Contains(shape.Number) && shape.Request.FitsIn(slot.Total)).ToList())
        {
            if (nodes.OwnerOnly is null)
            {
                _infeasible.Remove(shape);
                shape.IsInfeasible = false;
            }
            foreach (var lane in shape.Lanes) ReviewFeasibility(lane);
        }
    }

    private void ReviewFeasibility(Lane lane)
    {
        lane.IsInfeasible = lane.Shape.IsInfeasible && !pool.IsFeasible(lane.Shape, lane.Account);
        Review(lane);
    }

    /// <summary>This node has more room than it had: what would fit on it gets another chance.</summary>
    public void Wake(NodeSlot slot, long now)
    {
        if (!slot.HasRoom || slot.Class is not { } nodes) return;
        var parkedIn = (nodes.OwnerOnly ?? slot.ShutBut) is { } owner ? shares.Find(owner)?.OnOwnNodes : _open;
        if (parkedIn is null) return;
        for (var number = nodes.Shapes.Next(-1, parkedIn, inOther: false); number >= 0; number = nodes.Shapes.Next(number, parkedIn, inOther: false))
        {
            ShapesCompared++;
            var shape = shapes[number];
            if (shape.Request.FitsIn(slot.Free) && !pool.IsKeptFrom(shape, slot, now)) parkedIn.Add(number);
        }
    }

    /// <summary>Nodes that take only this account's tasks have come, or the last of them has gone.</summary>
    public void OwnNodesChanged(string userId)
    {
        if (shares.Find(userId) is not { } account) return;
        if (!pool.HasOwnNodes(userId))
        {
            account.OnOwnNodes = null;
            return;
        }
        if (account.OnOwnNodes is not null) return;
        account.OnOwnNodes = new ShapeSet();
        foreach (var lane in account.Lanes) account.OnOwnNodes.Add(lane.Shape.Number);
    }

    /// <summary>The first of the lane is on its way to a node.</summary>
    public QueuedTask Offer(Lane lane)
    {
        var queued = lane.First;
        lane.Waiting.TakeFirst();
        Review(lane);
        lane.Account.Waiting--;
        queued.Place = QueuePlace.Offered;
        return queued;
    }

    /// <summary>Not taken: it waits again, at once or from a moment on.</summary>
    public void Return(QueuedTask queued, long until, long now)
    {
        queued.Lane.Account.Waiting++;
        if (until > now) Hold(queued, until);
        else MakeReady(queued);
    }

    /// <summary>Nothing is kept for the lane any more: its first task has gone to a node, or it has none that is ready.</summary>
    public void GiveUp(Lane lane)
    {
        if (lane.Reservation is not { } kept) return;
        pool.Release(kept);
        Wake(kept.Node, 0);
    }

    public void ReleaseDue(long now)
    {
        while (_held.Take(now) is { } first) MakeReady(first);
        while (_elsewhere.Take(now) is { } first) GoAnywhere(first, now);
    }

    /// <summary>
    /// Where the last other node that could run them has gone, those that leave some out may go there after all, although none has more room than it
    /// had: they are looked at again. Only those, and only when a node came, went or changed.
    /// </summary>
    public void FollowPool()
    {
        if (_poolMet == pool.Version) return;
        _poolMet = pool.Version;
        foreach (var shape in _leavingOut)
        {
            _open.Add(shape.Number);
            foreach (var lane in shape.Lanes) lane.Account.OnOwnNodes?.Add(shape.Number);
        }
    }

    /// <summary>Tasks whose time to start is over: no more offered, and named again every few seconds until they are removed.</summary>
    public List<string> TakeExpired(long now, int most)
    {
        var expired = new List<string>();
        while (expired.Count < most && _deadlines.Take(now) is { } first)
        {
            if (first.Place == QueuePlace.Ready) first = TakeFromLane(first);
            _deadlines.Add(first, now + AskAgainAfter);
            if (first.Place == QueuePlace.Offered) continue; // its record refuses the grant
            var wasHeld = first is { Place: QueuePlace.Held, IsExpired: false };
            Hold(first, long.MaxValue);
            if (wasHeld) _held.Forget();
            expired.Add(first.TaskId);
        }
        return expired;
    }

    /// <summary>It was taken for expired and is not: ready at once, and asked again when the rest of its time is over.</summary>
    public void WaitOn(QueuedTask queued, long left, long now)
    {
        // What stands for it among the deadlines asks again in a few seconds; a twin without that goes on in its place.
        var twin = new QueuedTask(queued.ToPending(), queued.Lane, agingStep) { QueuedAt = queued.QueuedAt, Named = queued.Named };
        queued.Gone = true;
        _deadlines.Forget();
        _tasks[queued.TaskId] = twin;
        _deadlines.Add(twin, left < long.MaxValue - now ? now + left : long.MaxValue);
        TwinLeavesOut(twin);
        MakeReady(twin);
    }

    private void LeaveOut(QueuedTask queued, long until)
    {
        _elsewhereUntil[queued.TaskId] = until;
        _elsewhere.Add(queued, until);
    }

    private void TwinLeavesOut(QueuedTask twin)
    {
        if (ElsewhereUntil(twin) is not { } until) return;
        _elsewhere.Forget();
        _elsewhere.Add(twin, until);
    }

    /// <summary>It has left nodes out for long enough: a twin goes on in its place, among those to which any node will do.</summary>
    private void GoAnywhere(QueuedTask queued, long now)
    {
        if (queued.Place == QueuePlace.Offered)
        {
            LeaveOut(queued, now + AskAgainAfter); // it may come back
            return;
        }
        var (account, place) = (queued.Lane.Account, queued.Place);
        var lane = LaneOf(account, queued.Lane.Shape.Key with { LeftOut = "" });
        var twin = new QueuedTask(queued.ToPending(), lane, agingStep)
        {
            QueuedAt = queued.QueuedAt, Named = queued.Named, HeldUntil = queued.HeldUntil, LacksCredit = queued.LacksCredit,
        };
        lane.Tasks++; // before the other goes, so that its account stays
        account.Waiting++;
        _elsewhereUntil.Remove(queued.TaskId);
        Remove(queued);
        _tasks.Add(twin.TaskId, twin);
        if (twin.Named != _round) _unnamed++;
        if (twin.HasDeadline) _deadlines.Add(twin, twin.StartBy);
        if (place == QueuePlace.Held) Hold(twin, queued.HeldUntil);
        else MakeReady(twin);
    }

    private void Hold(QueuedTask queued, long until)
    {
        queued.Place = QueuePlace.Held;
        queued.HeldUntil = until;
        if (until != long.MaxValue) _held.Add(queued, until);
    }

    private void MakeReady(QueuedTask queued)
    {
        queued.Place = QueuePlace.Ready;
        var lane = queued.Lane;
        lane.Waiting.Add(queued);
        Review(lane);
    }

    /// <summary>Out of the middle of a lane: what stands in a heap stays there, so a twin goes on in its place.</summary>
    private QueuedTask TakeFromLane(QueuedTask queued)
    {
        var lane = queued.Lane;
        var twin = new QueuedTask(queued.ToPending(), lane, agingStep) { QueuedAt = queued.QueuedAt, Named = queued.Named };
        queued.Gone = true;
        lane.Waiting.Forget();
        Review(lane);
        TwinLeavesOut(twin);
        return _tasks[queued.TaskId] = twin;
    }

    private void Review(Lane lane)
    {
        lane.Account.Review(lane);
        if (lane.Waiting.Count == 0) GiveUp(lane);
        shares.Review(lane.Account);
    }

    private Lane LaneOf(Account account, in ShapeKey key)
    {
        var shape = pool.ShapeOf(key);
        if (account.Find(shape) is { } known) return known;
        if (shape.LeavesOut) _leavingOut.Add(shape);
        if (shape.Lanes.Count == 0) _open.Add(shape.Number); // not tried yet
        var lane = new Lane(account, shape) { Number = shape.Lanes.Count };
        shape.Lanes.Add(lane);
        lane.IsInfeasible = shape.IsInfeasible && !pool.IsFeasible(shape, account);
        account.Add(lane);
        if (pool.HasOwnNodes(account.UserId)) (account.OnOwnNodes ??= new ShapeSet()).Add(shape.Number);
        return lane;
    }

    private void Forget(Lane lane)
    {
        lane.Account.Remove(lane);
        lane.Account.OnOwnNodes?.Remove(lane.Shape.Number);
        var lanes = lane.Shape.Lanes;
        (lanes[lane.Number], lanes[^1].Number) = (lanes[^1], lane.Number);
        lanes.RemoveAt(lanes.Count - 1);
        if (lanes.Count > 0) return;
        _open.Remove(lane.Shape.Number);
        _infeasible.Remove(lane.Shape);
        _leavingOut.Remove(lane.Shape);
        pool.Forget(lane.Shape);
    }
}
