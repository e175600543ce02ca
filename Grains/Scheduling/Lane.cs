namespace HiveMind.Scheduling;

/// <summary>One account's ready tasks of one shape, in order: equal to every node, so that only the first is ever looked at.</summary>
internal sealed class Lane(Account account, Shape shape)
{
    public Account Account { get; } = account;
    public Shape Shape { get; } = shape;
    public TaskHeap Waiting { get; } = new();
    /// <summary>Tasks that name it: waiting, held or offered.</summary>
    public int Tasks { get; set; }
    /// <summary>The node that is being kept for its first task.</summary>
    public Reservation? Reservation { get; set; }
    /// <summary>Of its first task, as the account's order knows it.</summary>
    public OrderKey Head { get; set; }
    public QueuedTask First => Waiting.First;
}

/// <summary>An account's lanes by their first tasks.</summary>
internal sealed class LaneOrder : IComparer<Lane>
{
    public static readonly LaneOrder Instance = new();

    public int Compare(Lane? x, Lane? y)
    {
        var order = x!.Head.CompareTo(y!.Head);
        return order == 0 ? x.Shape.Number.CompareTo(y.Shape.Number) : order;
    }
}
