namespace HiveMind.Scheduling;

/// <summary>
/// All that waits. A submit, a removal and a placement cost O(log n) whatever waits, because only the first task of each lane is ever
/// looked at, and a lane that did not fit is parked until a node grows on which it does.
/// </summary>
internal sealed class PendingQueue
{
    private readonly Dictionary<string, QueuedTask> _tasks = [];
    private readonly Dictionary<LaneKey, Lane> _openLanes = [];
    private readonly Dictionary<LaneKey, Lane> _ownLanes = [];
    private readonly SortedSet<Lane> _heads = new(LaneOrder.Instance);
    private readonly Dictionary<(string TaskType, string? UserId), HashSet<Lane>> _parked = [];
    private readonly SortedSet<QueuedTask> _held = new(DueOrder.Instance);
    private long _laneNumbers;

    public int Count => _tasks.Count;

    /// <summary>Parked lanes that were compared with a node that grew: what a finished task costs beside its placements.</summary>
    public long LanesCompared { get; private set; }

    public QueuedTask? Find(string taskId) => _tasks.GetValueOrDefault(taskId);

    public void Add(PendingTask task, DateTimeOffset now, bool userHasOwnNodes)
    {
        var queued = new QueuedTask(task);
        _tasks.Add(task.TaskId, queued);
        if (task.NotBefore > now) Hold(queued, task.NotBefore);
        else MakeReady(queued, userHasOwnNodes);
    }

    public void Remove(QueuedTask queued)
    {
        Leave(queued);
        _tasks.Remove(queued.Task.TaskId);
    }

    /// <summary>The first in order of all that may fit somewhere.</summary>
    public QueuedTask? Next() => _heads.Min?.First;

    /// <summary>Nothing has room for this task now, and so for none like it.</summary>
    public void Park(QueuedTask queued)
    {
        Park(_openLanes[OpenKey(queued.Task)]);
        Park(_ownLanes[OwnKey(queued.Task)]);
    }

    /// <summary>This node has more room than it had: what would fit on it gets another chance.</summary>
    public void Wake(NodeView node, ResourceRequest free)
    {
        var user = node.AcceptsStrangers ? null : node.OwnerId;
        foreach (var type in node.TaskTypes)
        {
            if (!_parked.TryGetValue((type, user), out var lanes)) continue;
            LanesCompared += lanes.Count;
            foreach (var lane in lanes.Where(lane => lane.Key.Resources.Fits(free)).ToList()) Unpark(lane);
        }
    }

    public void Offer(QueuedTask queued, string nodeId)
    {
        Leave(queued);
        queued.Place = QueuePlace.Offered;
        queued.OfferedTo = nodeId;
    }

    /// <summary>Keeps its place in the order for when it is due.</summary>
    public void Hold(QueuedTask queued, DateTimeOffset until)
    {
        queued.Place = QueuePlace.Held;
        queued.HeldUntil = until;
        _held.Add(queued);
    }

    /// <summary>Ready now; not held and in no lane before.</summary>
    public void MakeReady(QueuedTask queued, bool userHasOwnNodes)
    {
        queued.Place = QueuePlace.Ready;
        Join(_openLanes, OpenKey(queued.Task), queued, parkedIfNew: false);
        Join(_ownLanes, OwnKey(queued.Task), queued, parkedIfNew: !userHasOwnNodes);
    }

    public void ReleaseDue(DateTimeOffset now, Func<string, bool> userHasOwnNodes)
    {
        while (_held.Min is { } first && first.HeldUntil <= now)
        {
            _held.Remove(first);
            MakeReady(first, userHasOwnNodes(first.Task.UserId));
        }
    }

    /// <summary>How many ready tasks stand before it, counted up to the limit.</summary>
    public int CountAhead(PendingTask task, int limit)
    {
        var ahead = 0;
        foreach (var lane in _openLanes.Values)
        {
            foreach (var other in lane.Waiting)
            {
                if (QueueOrder.Compare(other.Task, task) >= 0) break;
                if (++ahead >= limit) return limit;
            }
        }
        return ahead;
    }

    private void Leave(QueuedTask queued)
    {
        switch (queued.Place)
        {
            case QueuePlace.Held:
                _held.Remove(queued);
                break;
            case QueuePlace.Ready:
                Quit(_openLanes, OpenKey(queued.Task), queued);
                Quit(_ownLanes, OwnKey(queued.Task), queued);
                break;
        }
    }

    private void Join(Dictionary<LaneKey, Lane> lanes, LaneKey key, QueuedTask queued, bool parkedIfNew)
    {
        if (!lanes.TryGetValue(key, out var lane))
        {
            lanes.Add(key, lane = new Lane(key, ++_laneNumbers));
            lane.Waiting.Add(queued);
            if (parkedIfNew) AddParked(lane);
            else _heads.Add(lane);
            return;
        }
        // The order of lanes is that of their first tasks: a lane leaves the set while its first may change.
        if (!lane.Parked) _heads.Remove(lane);
        lane.Waiting.Add(queued);
        if (!lane.Parked) _heads.Add(lane);
    }

    private void Quit(Dictionary<LaneKey, Lane> lanes, LaneKey key, QueuedTask queued)
    {
        var lane = lanes[key];
        if (!lane.Parked) _heads.Remove(lane);
        lane.Waiting.Remove(queued);
        if (lane.Waiting.Count == 0)
        {
            lanes.Remove(key);
            if (lane.Parked) RemoveParked(lane);
        }
        else if (!lane.Parked)
        {
            _heads.Add(lane);
        }
    }

    private void Park(Lane lane)
    {
        if (lane.Parked) return;
        _heads.Remove(lane);
        AddParked(lane);
    }

    private void Unpark(Lane lane)
    {
        RemoveParked(lane);
        _heads.Add(lane);
    }

    private void AddParked(Lane lane)
    {
        lane.Parked = true;
        var place = (lane.Key.TaskType, lane.Key.UserId);
        if (!_parked.TryGetValue(place, out var lanes)) _parked.Add(place, lanes = []);
        lanes.Add(lane);
    }

    private void RemoveParked(Lane lane)
    {
        lane.Parked = false;
        var place = (lane.Key.TaskType, lane.Key.UserId);
        var lanes = _parked[place];
        lanes.Remove(lane);
        if (lanes.Count == 0) _parked.Remove(place);
    }

    private static LaneKey OpenKey(PendingTask task) => new(task.TaskType, task.Resources, null);

    private static LaneKey OwnKey(PendingTask task) => new(task.TaskType, task.Resources, task.UserId);
}
