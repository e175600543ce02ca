namespace HiveMind.Nodes;

/// <summary>The stored node. Fields are appended, never renumbered; committed golden records are read by a test.</summary>
[GenerateSerializer, Alias("HiveMind.NodeRecord"), Immutable]
public sealed record NodeRecord
{
    public const int CurrentVersion = 1;

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
}
