using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>A node as it is shown: every field of the seed's NodeInfo and worker hash.</summary>
[GenerateSerializer, Alias("HiveMind.NodeSnapshot"), Immutable]
public sealed record NodeSnapshot
{
    [Id(0)] public required string NodeId { get; init; }
    [Id(1)] public required string OwnerId { get; init; }
    [Id(2)] public required string OwnerName { get; init; }
    [Id(3)] public required string NodeType { get; init; }
    [Id(4)] public required string Hostname { get; init; }
    [Id(5)] public int Port { get; init; }
    [Id(6)] public required NodeCapabilities Capabilities { get; init; }
    /// <summary>"online", "busy" or "offline".</summary>
    [Id(7)] public required string Status { get; init; }
    [Id(8)] public DateTimeOffset? LastHeartbeat { get; init; }
    [Id(9)] public required NodeUsage Usage { get; init; }
    [Id(10)] public int TaskCount { get; init; }
    [Id(11)] public DateTimeOffset RegisteredAt { get; init; }
    [Id(12)] public double FreeCores { get; init; }
    [Id(13)] public long FreeMemoryMb { get; init; }
    [Id(14)] public bool Connected { get; init; }
    [Id(15)] public long Epoch { get; init; }
    /// <summary>Why nothing new is given to it; empty: it is not cordoned.</summary>
    [Id(16)] public string Cordoned { get; init; } = "";
    /// <summary>When the cordon ends by itself; null: it does not.</summary>
    [Id(17)] public DateTimeOffset? CordonedUntil { get; init; }
    /// <summary>When what still runs is taken back; null: it is not.</summary>
    [Id(18)] public DateTimeOffset? DrainDeadline { get; init; }
    /// <summary>Its owner's account is inactive.</summary>
    [Id(19)] public bool Suspended { get; init; }
    /// <summary>When its token was made, last used and ends; null: not known, never, has none.</summary>
    [Id(20)] public DateTimeOffset? TokenCreatedAt { get; init; }
    [Id(21)] public DateTimeOffset? TokenUsedAt { get; init; }
    [Id(22)] public DateTimeOffset? TokenEndsAt { get; init; }
    /// <summary>Its record is there and cannot be read: all else here is empty.</summary>
    [Id(23)] public bool IsUnreadable { get; init; }
    /// <summary>Tasks of others than its owner that it may hold at a time, being new or having failed; null: as many as fit.</summary>
    [Id(24)] public int? OthersAtOnce { get; init; }
    /// <summary>When its worker was last heard, where its lease has ended since; null: it is heard, or has left.</summary>
    [Id(25)] public DateTimeOffset? SilentSince { get; init; }

    public static NodeSnapshot Unreadable(string nodeId) => new()
    {
        NodeId = nodeId, OwnerId = "", OwnerName = "", NodeType = "", Hostname = "", Capabilities = new(), Status = "offline", Usage = new(0, 0, 0),
        Cordoned = "unreadable: its record is damaged, or a later program wrote it", IsUnreadable = true,
    };

    /// <summary>What stands for a cordon's reason before strangers: their screens are no place for an owner's words.</summary>
    public const string CordonedByOthers = "cordoned by its owner or an admin";

    /// <summary>Why it is cordoned, as its owner or an admin reads it, or a stranger. A cordon with an end, or of what cannot be read, is the hub's own word.</summary>
    public string CordonedFor(bool isOwn) => isOwn || IsUnreadable || Cordoned.Length == 0 || CordonedUntil is not null ? Cordoned : CordonedByOthers;
}
