namespace HiveMind.Scheduling;

/// <summary>
/// A node that is being kept for the first task of a lane, because others were about to pass it: EASY backfill (Lifka 1995; Slurm's sched/backfill, Maui). By
/// the run timeouts of what runs there it has room at <see cref="By"/> at the latest; what slips in before may not change that.
/// </summary>
internal sealed class Reservation(Lane lane, NodeSlot node)
{
    public Lane Lane { get; } = lane;
    public NodeSlot Node { get; } = node;
    /// <summary>When it has room at the latest (ticks); moves earlier as runs end before their timeouts. MaxValue: one of them has none.</summary>
    public long By { get; set; }
    /// <summary>What it was when the node was chosen: the promise.</summary>
    public long Promise { get; init; }
    /// <summary>What is free at that moment beside the task it is kept for.</summary>
    public ResourceVector Extra { get; set; }
}

/// <summary>What may slip in on a node that is kept for another: what is over in time, or what that other leaves free.</summary>
internal class BackfillRule
{
    public virtual bool Allows(Reservation kept, in ResourceVector request, long endsBy) =>
        (kept.By != long.MaxValue && endsBy <= kept.By) || request.FitsIn(kept.Extra);
}

/// <summary>When a node will have room, by the latest ends of what runs on it.</summary>
internal sealed class RoomForecast
{
    private readonly List<(long EndsBy, ResourceVector Request)> _ends = [];

    /// <summary>Null: not even if all of it ended.</summary>
    public (long By, ResourceVector Extra)? When(NodeSlot node, in ResourceVector request, long now)
    {
        _ends.Clear();
        foreach (var held in node.Holds.Values) _ends.Add((Math.Max(held.EndsBy, now), held.Request));
        _ends.Sort(static (one, other) => one.EndsBy.CompareTo(other.EndsBy));
        var (by, free, next) = (now, node.Free, 0);
        while (!request.FitsIn(free))
        {
            if (next == _ends.Count) return null;
            (by, free) = (_ends[next].EndsBy, free + _ends[next++].Request);
        }
        while (next < _ends.Count && _ends[next].EndsBy <= by) free += _ends[next++].Request;
        return (by, free - request);
    }
}
