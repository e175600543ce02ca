using System.Collections.ObjectModel;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;
using Orleans.Concurrency;

namespace HiveMind.Nodes;

/// <summary>
/// One lent machine, keyed by node id. Owns its registration, its connection epoch, its lease (one per connection: all its attempts
/// live and die with it) and, in memory, its capacity and the set of attempts its worker should hold.
/// </summary>
[Alias("HiveMind.INodeGrain")]
public interface INodeGrain : IGrainWithStringKey
{
    /// <summary>
    /// First registration or the same owner again: new token, capabilities replaced; a stream that the old token opened is closed, and its worker keeps what
    /// it runs if it is back with the new one within the lease. PermissionDenied for anyone else, also after it was removed if it has earned something.
    /// Who says which machine it is takes no other's: FailedPrecondition NODE_IN_USE while a worker is connected, NODE_OF_ANOTHER_MACHINE if another registered it.
    /// </summary>
    [Alias("Register")] Task<NodeRegistered> Register(NodeRegistration registration);
    /// <summary>
    /// Its owner's account was deactivated or reinstated: asked at once what it is now. Without this word a connected node finds out by itself within
    /// some seconds.
    /// </summary>
    [Alias("OwnerChanged")] Task OwnerChanged();
    /// <summary>Owner or admin, else NotFound. From now on its token is good for nothing; its stream is closed, what it holds is requeued.</summary>
    [Alias("RevokeToken")] Task<NodeSnapshot> RevokeToken(Caller caller);
    /// <summary>Owner or admin. What it holds is requeued.</summary>
    [Alias("Unregister")] Task Unregister(Caller caller);
    /// <summary>Throws Unauthenticated unless the hash is this node's token's, the token is not too old, and its owner's account is active.</summary>
    [Alias("CheckToken"), AlwaysInterleave] Task<NodeIdentity> CheckToken(byte[] secretHash);
    /// <summary>Heartbeat of a client without a stream. Status null, "online", "busy" or "offline".</summary>
    [Alias("TouchUnary"), AlwaysInterleave] Task TouchUnary(Caller? caller, string? status, NodeUsage usage);
    [Alias("GetSnapshot"), AlwaysInterleave] Task<NodeSnapshot?> GetSnapshot();

    /// <summary>
    /// A worker stream opened: epoch + 1, older connections are closed, reported attempts that are still current are kept. While another start of a
    /// worker is heard: Unavailable NODE_HELD, as long as that may be dead, then FailedPrecondition NODE_IN_USE. Null: a worker of before, which takes over at once.
    /// </summary>
    [Alias("Connect")] Task<NodeWelcome> Connect(IWorkerLink link, NodeCapabilities capabilities, IReadOnlyList<AttemptReport> running, WorkerStart? start = null);
    /// <summary>The worker of that connection has left in order: whichever start comes next is let in at once.</summary>
    [Alias("Leave")] Task Leave(long epoch);
    /// <summary>
    /// Answered from memory. Aborted with reason STALE_EPOCH when another connection took over, or the lease is being ended: the stream must close.
    /// </summary>
    [Alias("Heartbeat"), AlwaysInterleave] Task Heartbeat(long epoch, IWorkerLink link, IReadOnlyList<AttemptReport> running, NodeUsage usage);
    /// <summary>Ends when all is done that the heartbeats so far ask for: starts told, names looked up, pushes and kills repeated. It is begun without being asked.</summary>
    [Alias("Tend"), AlwaysInterleave] Task Tend();
    /// <summary>The stream ended. The lease goes on until it runs out.</summary>
    [Alias("Disconnect"), AlwaysInterleave] Task Disconnect(long epoch);
    /// <summary>The worker itself leaves: nothing new over this connection.</summary>
    [Alias("Drain"), AlwaysInterleave] Task Drain(long epoch);
    /// <summary>
    /// Owner or admin, else NotFound. Nothing new until it is uncordoned. With <paramref name="patience"/> what still runs after that time
    /// is taken back; null: what runs goes on, also where it was to be taken back before. Empty reason: "cordoned by" the caller.
    /// </summary>
    [Alias("Cordon")] Task<NodeSnapshot> Cordon(Caller caller, string reason, TimeSpan? patience);
    /// <summary>Owner or admin, else NotFound. Ends a cordon, whoever or whatever began it.</summary>
    [Alias("Uncordon")] Task<NodeSnapshot> Uncordon(Caller caller);
    /// <summary>Reports of the stream (epoch given) or by unary call (epoch 0), answered one by one.</summary>
    [Alias("Report"), AlwaysInterleave] Task<IReadOnlyList<ReportVerdict>> Report(long epoch, IReadOnlyList<TaskOutcomeReport> reports);
    /// <summary>What that attempt runs, before its worker may fetch or send bytes; Aborted STALE_ATTEMPT when it is not this node's now.</summary>
    [Alias("CheckAttempt"), AlwaysInterleave] Task<TaskSpec> CheckAttempt(string taskId, int attempt);

    /// <summary>The scheduler proposes; reserved in memory before the first await, granted by each TaskGrain, pushed in one frame.</summary>
    [Alias("Offer"), AlwaysInterleave] Task<OfferResult> Offer(IReadOnlyList<TaskOffer> offers);
    /// <summary>The attempt ended otherwise (cancelled, superseded): killed at the worker, capacity freed when it is gone.</summary>
    [Alias("Drop"), AlwaysInterleave] Task Drop(string taskId, int attempt, string reason);
    /// <summary>The sweeper found this attempt on record as this node's. True: held, or not yet decided. False: the node is lost to it.</summary>
    [Alias("Claim")] Task<bool> Claim(AttemptClaim claim);
}

/// <summary>The way to a worker: its gateway stream. Pushes are hints; heartbeats heal what is lost.</summary>
[Alias("HiveMind.IWorkerLink")]
public interface IWorkerLink : IGrainObserver
{
    [OneWay, Alias("Assign")] Task Assign(IReadOnlyList<TaskAssignment> assignments);
    [OneWay, Alias("Kill")] Task Kill(string taskId, int attempt, string reason);
    /// <summary>Another connection took over, or the node was unregistered: close the stream.</summary>
    [OneWay, Alias("Close")] Task Close(string reason);
}

/// <summary>What a machine offers. Cores and memory above 0.</summary>
[GenerateSerializer, Alias("HiveMind.NodeCapabilities"), Immutable]
public sealed record NodeCapabilities
{
    [Id(0)] public double CpuCores { get; init; }
    [Id(1)] public long MemoryMb { get; init; }
    [Id(2)] public int GpuCount { get; init; }
    [Id(3)] public string GpuModel { get; init; } = "";
    [Id(4)] public IReadOnlyList<string> SupportedTasks { get; init; } = [];
    [Id(5)] public bool Sandboxed { get; init; }
    [Id(6)] public bool AcceptsStrangers { get; init; }
    [Id(7)] public string WorkerVersion { get; init; } = "";
    /// <summary>Of each GPU, MiB; 0: not known.</summary>
    [Id(8)] public long GpuMemoryMb { get; init; }
    /// <summary>Lent for tasks' files, MiB; 0, as in records of old: not limited by the hub.</summary>
    [Id(9)] public long DiskMb { get; init; }
    /// <summary>What its owner says of it, by name.</summary>
    [Id(10)] public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;
    /// <summary>Gives programs an uploaded file as standard input; a worker of before cannot.</summary>
    [Id(11)] public bool StandardInputFiles { get; init; }
}

[GenerateSerializer, Alias("HiveMind.NodeUsage"), Immutable]
public sealed record NodeUsage(
    [property: Id(0)] double CpuPercent, [property: Id(1)] double MemoryPercent, [property: Id(2)] double GpuPercent, [property: Id(3)] bool DiskFull = false);

[GenerateSerializer, Alias("HiveMind.NodeRegistration"), Immutable]
public sealed record NodeRegistration(
    [property: Id(0)] Caller Caller, [property: Id(1)] string NodeType, [property: Id(2)] string Hostname, [property: Id(3)] int Port,
    [property: Id(4)] NodeCapabilities Capabilities)
{
    /// <summary>Tells machines of one host name apart; empty: not said, whichever machine it is.</summary>
    [Id(5)] public string MachineId { get; init; } = "";
}

/// <summary>One start of a worker's process, and those before it on its machine that are surely dead.</summary>
[GenerateSerializer, Alias("HiveMind.WorkerStart"), Immutable]
public sealed record WorkerStart([property: Id(0)] string Id, [property: Id(1)] IReadOnlyList<string> Succeeds);

[GenerateSerializer, Alias("HiveMind.NodeRegistered"), Immutable]
public sealed record NodeRegistered([property: Id(0)] string NodeId, [property: Id(1)] string NodeToken);

[GenerateSerializer, Alias("HiveMind.NodeIdentity"), Immutable]
public sealed record NodeIdentity([property: Id(0)] string NodeId, [property: Id(1)] string OwnerId);

[GenerateSerializer, Alias("HiveMind.NodeWelcome"), Immutable]
public sealed record NodeWelcome([property: Id(0)] long Epoch, [property: Id(1)] TimeSpan HeartbeatInterval, [property: Id(2)] TimeSpan WorkerLease);

/// <summary>An attempt as the worker holds it.</summary>
[GenerateSerializer, Alias("HiveMind.AttemptReport"), Immutable]
public sealed record AttemptReport([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] bool Started);

[GenerateSerializer, Alias("HiveMind.AttemptClaim"), Immutable]
public sealed record AttemptClaim([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] TaskAssignment Assignment);

public static class NodeTypes
{
    public const string Worker = "worker", Master = "master";
}

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
