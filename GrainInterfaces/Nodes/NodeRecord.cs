namespace HiveMind.Nodes;

/// <summary>The stored node. Fields are appended, never renumbered; committed golden records are read by a test.</summary>
[GenerateSerializer, Alias("HiveMind.NodeRecord"), Immutable]
public sealed record NodeRecord : HiveMind.Persistence.IStoredRecord
{
    public const int CurrentVersion = 1;

    public bool CanBeRead => Version is > 0 and <= CurrentVersion;

    [Id(0)] public int Version { get; init; } = CurrentVersion;
    [Id(1)] public string OwnerId { get; init; } = "";
    [Id(2)] public string OwnerName { get; init; } = "";
    [Id(3)] public string NodeType { get; init; } = NodeTypes.Worker;
    [Id(4)] public string Hostname { get; init; } = "";
    [Id(5)] public int Port { get; init; }
    [Id(6)] public NodeCapabilities Capabilities { get; init; } = new();
    [Id(7)] public byte[] TokenHash { get; init; } = [];
    /// <summary>Grows by one with every connection and every loss: the fence against an older connection of the same node.</summary>
    [Id(8)] public long Epoch { get; init; }
    /// <summary>Connected at the last epoch: somebody has to decide when it is lost.</summary>
    [Id(9)] public bool HoldsLease { get; init; }
    [Id(10)] public DateTimeOffset RegisteredAt { get; init; }
    /// <summary>When it was last registered, connected or lost: from then on it may be forgotten.</summary>
    [Id(11)] public DateTimeOffset LastChangeAt { get; init; }
    /// <summary>Why nothing new is given to it, as somebody said; empty: it is not cordoned. What the hub cordons by itself is memory only.</summary>
    [Id(12)] public string Cordoned { get; init; } = "";
    /// <summary>From then on what runs there is taken back; null: it may finish.</summary>
    [Id(13)] public DateTimeOffset? DrainDeadline { get; init; }
    /// <summary>Its owner's account was inactive when last asked: no connection, no work, no word of its worker counts.</summary>
    [Id(14)] public bool Suspended { get; init; }
    /// <summary>When its token was made, and last used before it was last written; null in records of old.</summary>
    [Id(15)] public DateTimeOffset? TokenCreatedAt { get; init; }
    [Id(16)] public DateTimeOffset? TokenUsedAt { get; init; }
    /// <summary>Not a node any more: its id has earned something, and is kept for the account that earned it.</summary>
    [Id(17)] public bool Removed { get; init; }
    /// <summary>The start of a worker that holds it, until that has left in order; empty in records of old, or where the worker does not say.</summary>
    [Id(18)] public string Instance { get; init; } = "";
    /// <summary>The machine that registered it; empty: not said.</summary>
    [Id(19)] public string MachineId { get; init; } = "";
    /// <summary>Tasks of others that it may hold at a time (`SlowStart`): 0 is the start; null: as many as fit, also in records of old.</summary>
    [Id(20)] public int? EarnedShare { get; init; }
    /// <summary>When its worker was last heard, where its lease has ended since: attempts with a longer lease of their own are kept from then on; null: it is heard, or left.</summary>
    [Id(21)] public DateTimeOffset? SilentSince { get; init; }
}
