namespace HiveMind.Scheduling;

/// <summary>
/// What makes tasks equal to a node. User null is the open lane of a shape (type and size): to a node that accepts strangers all its
/// tasks are equal, whoever sent them. With a user it is that user's own lane: to a node that takes only its owner's tasks.
/// </summary>
internal readonly record struct LaneKey(string TaskType, ResourceRequest Resources, string? UserId);

/// <summary>The ready tasks that are equal to a node, in order: if the first does not fit, none does, and the lane is parked.</summary>
internal sealed class Lane(LaneKey key, long number)
{
    public LaneKey Key { get; } = key;
    public long Number { get; } = number;
    public SortedSet<QueuedTask> Waiting { get; } = new(QueueOrder.Instance);
    public bool Parked { get; set; }
    public QueuedTask First => Waiting.Min!;
}

/// <summary>Lanes by their first task. A task heads an open and an own lane at once, so the lane's number makes the order total.</summary>
internal sealed class LaneOrder : IComparer<Lane>
{
    public static readonly LaneOrder Instance = new();

    public int Compare(Lane? x, Lane? y)
    {
        var order = QueueOrder.Instance.Compare(x!.First, y!.First);
        return order == 0 ? x.Number.CompareTo(y.Number) : order;
    }
}
