namespace HiveMind.Scheduling;

/// <summary>
/// What makes tasks equal to a node, whoever sent them: type, size, what the labels must say, and how long it may run (which decides whether
/// it may slip in before a reservation). Tasks of one shape share all that is found out about where it fits.
/// </summary>
internal readonly record struct ShapeKey(string TaskType, ResourceVector Request, string Labels, long RunTimeoutTicks)
{
    /// <summary>The nodes that are left out for as long as others could run it (<see cref="RetryElsewhere"/>); empty: none. Tasks that failed on the same nodes are equal to a node too.</summary>
    public string LeftOut { get; init; } = "";

    /// <summary>With no node left out.</summary>
    public static ShapeKey Of(PendingTask task) => new(task.TaskType, ResourceVector.Of(task.Resources), task.Labels, task.RunTimeout.Ticks);
}

/// <summary>A shape that somebody waits with.</summary>
internal sealed class Shape(ShapeKey key, int number)
{
    public ShapeKey Key { get; } = key;
    /// <summary>Small, and used again when nobody waits with it any more.</summary>
    public int Number { get; } = number;
    public ResourceVector Request { get; } = key.Request;
    public ResourceRequest Resources { get; } = key.Request.ToRequest();
    public double Cost { get; } = FairShare.Cost(key.Request);
    /// <summary>What this program cannot read, a later one can: until then no node matches, and nothing else is held up.</summary>
    public LabelExpression Labels { get; } = key.Labels.Length == 0 ? LabelExpression.None
        : LabelExpression.TryParse(key.Labels, out var labels, out _) ? labels : LabelExpression.Unreadable;
    /// <summary>It asks what nodes of one class may answer differently: each is asked itself.</summary>
    public bool AsksEachNode => _asksEachNode ??= Labels.Requirements.Any(requirement => NodeClass.IsOfOneNode(requirement.Key));
    private bool? _asksEachNode;
    public bool WantsGpu => Request.Gpus > 0;
    /// <summary>Nodes that are left out for as long as others could run it; few.</summary>
    public string[] LeftOut { get; } = RetryElsewhere.List(key.LeftOut);
    public bool LeavesOut => LeftOut.Length > 0;
    /// <summary>The lanes that wait with it, one of each account.</summary>
    public List<Lane> Lanes { get; } = [];
    /// <summary>No node that takes anyone's tasks could hold it even if it were empty: found out when it fits nowhere, over when one comes that could.</summary>
    public bool IsInfeasible { get; set; }
    /// <summary>The classes of nodes that would run it, those that take anyone's tasks: without GPUs, and with.</summary>
    public List<NodeClass> Plain { get; } = [];
    public List<NodeClass> WithGpu { get; } = [];
    /// <summary>Whether an open node could hold it if it were empty, as found at that version of the pool.</summary>
    public (long Version, bool Feasible) Checked { get; set; } = (-1, false);
    /// <summary>The same with nothing left out.</summary>
    public (long Version, bool Feasible) CheckedWhole { get; set; } = (-1, false);

    public long EndsBy(long now) => Key.RunTimeoutTicks > 0 ? now + Key.RunTimeoutTicks : long.MaxValue;

    /// <summary>True: but for the room, nodes of that class run it. What only one node can say is asked of the node.</summary>
    public bool RunsOn(NodeClass nodes) => nodes.RunsType(Key.TaskType) && (AsksEachNode || Labels.Matches(nodes.Labels));
}
