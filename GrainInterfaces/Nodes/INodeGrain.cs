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
