namespace HiveMind.Scheduling;

/// <summary>One account in the queue: its lanes, what it holds and what it has used.</summary>
internal sealed class Account(string userId, long number)
{
    private const int ManyLanes = 64;

    private readonly Dictionary<int, Lane> _lanes = [];
    private readonly ShapeSet _shapes = new();

    public string UserId { get; } = userId;
    /// <summary>By arrival: of two that have the same rank the one that was here first goes first.</summary>
    public long Number { get; } = number;
    public string Role { get; set; } = "";
    public RoleOptions Quota { get; set; } = RoleOptions.Default;
    /// <summary>Shapes that may find room on its own nodes, those that take nobody else's tasks; null: it has none.</summary>
    public ShapeSet? OnOwnNodes { get; set; }

    /// <summary>Core-seconds in the scale of <see cref="FairShare"/>, up to <see cref="UsedUntil"/>.</summary>
    public double Used { get; set; }
    public long UsedUntil { get; set; }
    /// <summary>What it holds uses up in a second, weighed by bands.</summary>
    public double Rate { get; set; }
    public double Rank { get; set; }
    /// <summary>It stands in the ranking: it has tasks that are ready.</summary>
    public bool IsRanked { get; set; }

    /// <summary>Tasks that wait, held ones too.</summary>
    public int Waiting { get; set; }
    /// <summary>Tasks that hold room, those on their way to a node too.</summary>
    public int Running { get; set; }
    public long MilliCores { get; set; }
    public RateMeter Starts { get; } = new();

    /// <summary>Its lanes that have ready tasks, in order.</summary>
    public LaneRow Ready { get; } = new();
    public bool HasReady => Ready.Count > 0;
    public IReadOnlyCollection<Lane> Lanes => _lanes.Values;
    public bool IsIdle => _lanes.Count == 0 && Running == 0;

    /// <summary>All that it may run at once runs.</summary>
    public bool IsFull => Quota.MaxRunning > 0 && Running >= Quota.MaxRunning;

    public bool MayHold(in ResourceVector request) =>
        !IsFull && (Quota.MaxCores <= 0 || MilliCores + request.MilliCores <= (long)(Quota.MaxCores * 1000));

    public Lane? Find(Shape shape) => _lanes.GetValueOrDefault(shape.Number);

    public void Add(Lane lane) => _lanes.Add(lane.Shape.Number, lane);

    public void Remove(Lane lane) => _lanes.Remove(lane.Shape.Number);

    /// <summary>The lane's tasks have changed: its place follows its first.</summary>
    public void Review(Lane lane)
    {
        if (lane.Waiting.Count == 0 || lane.IsInfeasible)
        {
            if (!lane.IsReady) return;
            Ready.RemoveAt(Ready.PlaceOf(lane));
            lane.IsReady = false;
            _shapes.Remove(lane.Shape.Number);
        }
        else if (!lane.IsReady)
        {
            lane.Head = lane.First.Key;
            Ready.Add(lane);
            lane.IsReady = true;
            _shapes.Add(lane.Shape.Number);
        }
        else if (!ReferenceEquals(lane.Head.TaskId, lane.First.TaskId))
        {
            var place = Ready.PlaceOf(lane);
            lane.Head = lane.First.Key;
            Ready.Moved(place);
        }
    }

    /// <summary>
    /// The first of its lanes that may find room. Where only few of many may, these few are compared; else the first in order that may is
    /// not far from the front. Either way far fewer than all are looked at.
    /// </summary>
    public Lane? FirstThatMayFit(ShapeSet onOpenNodes)
    {
        if (IsFull || !(_shapes.Meets(onOpenNodes) || (OnOwnNodes is { } own && _shapes.Meets(own)))) return null;
        if (Ready.First is { } first && MayFit(first, onOpenNodes)) return first;
        if (OnOwnNodes is null && Ready.Count > ManyLanes && _shapes.CountIn(onOpenNodes) is var open && open * open < Ready.Count)
            return FirstOf(onOpenNodes);
        for (var i = 1; i < Ready.Count; i++)
            if (MayFit(Ready[i], onOpenNodes)) return Ready[i];
        return null;
    }

    private Lane? FirstOf(ShapeSet shapes)
    {
        Lane? best = null;
        for (var shape = _shapes.Next(-1, shapes, inOther: true); shape >= 0; shape = _shapes.Next(shape, shapes, inOther: true))
        {
            var lane = _lanes[shape];
            if (MayHold(lane.Shape.Request) && (best is null || default(ByHead).Compare(lane, best) < 0)) best = lane;
        }
        return best;
    }

    /// <summary>How many of its ready tasks stand before that key, counted up to the limit.</summary>
    public int CountBefore(OrderKey key, int limit)
    {
        var count = 0;
        for (var i = 0; i < Ready.Count && count < limit && Ready[i].Head.CompareTo(key) < 0; i++)
            count += Ready[i].Waiting.CountBefore(key, limit - count);
        return count;
    }

    private bool MayFit(Lane lane, ShapeSet onOpenNodes) =>
        (onOpenNodes.Contains(lane.Shape.Number) || OnOwnNodes?.Contains(lane.Shape.Number) == true) && MayHold(lane.Shape.Request);
}
