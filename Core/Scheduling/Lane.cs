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
    /// <summary>Its place among the shape's lanes.</summary>
    public int Number { get; set; }
    /// <summary>No node would ever take its tasks: it does not stand in the account's order, where it would be in front for good.</summary>
    public bool IsInfeasible { get; set; }
    /// <summary>It stands in the account's order.</summary>
    public bool IsReady { get; set; }
    public QueuedTask First => Waiting.First;
}
