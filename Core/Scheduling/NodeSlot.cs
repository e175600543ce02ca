namespace HiveMind.Scheduling;

/// <summary>Room that a task holds on a node: on its way there, or granted.</summary>
internal sealed class Hold
{
    public required Account Account { get; init; }
    public required ResourceVector Request { get; init; }
    /// <summary>What it uses up of its account's share in a second.</summary>
    public required double Rate { get; init; }
    /// <summary>Ticks; MaxValue: not known.</summary>
    public required long EndsBy { get; set; }
    public bool Offered { get; set; }
    /// <summary>The view that named it last.</summary>
    public long SeenIn { get; set; }
}

/// <summary>A node as the scheduler sees it: the last view, less what is on its way to it.</summary>
internal sealed class NodeSlot(string nodeId)
{
    public string NodeId { get; } = nodeId;
    /// <summary>Null once forgotten, while an offer is still on its way.</summary>
    public NodeView? View { get; set; }
    /// <summary>When the last view came, by the picture's own time.</summary>
    public long HeardAt { get; set; }
    public NodeClass? Class { get; set; }
    /// <summary>Its place in the class.</summary>
    public int Leaf { get; set; }
    public ResourceVector Total { get; set; }
    public ResourceVector Free { get; set; }
    /// <summary>The offer that is being filled or, once sent, on its way: one at a time.</summary>
    public List<QueuedTask> Offer { get; set; } = [];
    public bool Sent { get; set; }
    public Dictionary<string, Hold> Holds { get; } = [];
    public Reservation? Reservation { get; set; }

    /// <summary>How many more tasks of others it may take now, room or not.</summary>
    public int OthersLeft { get; set; } = int.MaxValue;
    /// <summary>It has room and takes only this account's tasks now; null: it is not so.</summary>
    public string? ShutBut { get; set; }

    public bool CanTakeWork => View is { CanTakeWork: true };

    public bool HasRoom => !Sent && Offer.Count < SchedulerCore.TasksPerOffer && View is { CanTakeWork: true, IsSettling: false } && Free is { MilliCores: > 0, MemoryMb: > 0 };

    public bool IsOther(Account account) => View is { } view && view.OwnerId != account.UserId;

    /// <summary>It is new, and holds as many tasks of others as it may (<see cref="HiveMind.Nodes.SlowStart"/>).</summary>
    public bool IsShutTo(Account account) => OthersLeft <= 0 && IsOther(account);

    public NodeLoad Load => new(Total, Free, View?.CpuPercent ?? 0);
}
