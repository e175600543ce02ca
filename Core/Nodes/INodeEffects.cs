using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>What a step wants done that nobody waits for. All of it may be lost: the next heartbeat heals it.</summary>
public interface INodeEffects
{
    void Push(object link, IReadOnlyList<TaskAssignment> attempts);
    void Kill(object link, string taskId, int attempt, string reason);
    void Close(object link, string reason);
    /// <summary>A command that goes on beside the others.</summary>
    void Begin(IEnumerable<Effect> command);
    /// <summary>What is counted of it, now.</summary>
    void Count(NodeGauges figures);
    /// <summary>It is no node, or not any more: it need not stay in memory.</summary>
    void Leave();
    /// <summary>For people to read, and for counters.</summary>
    void Happened(NodeEvent what);
}

/// <summary>A node's share of the pool's figures.</summary>
/// <param name="State">"online", "busy" or "offline".</param>
/// <param name="Total">What it lends.</param>
/// <param name="Free">Of that, what is not reserved.</param>
/// <param name="Attempts">That it holds.</param>
/// <param name="Cordoned">"asked", "failing" or "".</param>
public readonly record struct NodeGauges(string State, ResourceRequest Total, ResourceRequest Free, int Attempts, string Cordoned)
{
    public const string Asked = "asked", Failing = "failing";
}

/// <summary>Something that was decided.</summary>
public abstract record NodeEvent
{
    public sealed record Connected(long Epoch) : NodeEvent;
    public sealed record HeldOff : NodeEvent;
    public sealed record InUse : NodeEvent;
    public sealed record HubWasAway : NodeEvent;
    public sealed record LeaseEnded(long Epoch, int Attempts, string Cause, bool Drained) : NodeEvent;
    public sealed record KeptLost(int Attempts, TimeSpan Silence) : NodeEvent;
    public sealed record Adopted(string TaskId, int Attempt) : NodeEvent;
    public sealed record Unwanted(string TaskId, int Attempt) : NodeEvent;
    public sealed record TakenBack(int Attempts, string Cause) : NodeEvent;
    public sealed record Cordoned(string By, string Reason, DateTimeOffset? Deadline) : NodeEvent;
    public sealed record Uncordoned(string By) : NodeEvent;
    public sealed record CordonedForFailures(DateTimeOffset Until, string Reason) : NodeEvent;
    public sealed record TriedAgain : NodeEvent;
    public sealed record Suspended(string OwnerId) : NodeEvent;
    public sealed record Reinstated : NodeEvent;
    public sealed record TokenRevoked(string By) : NodeEvent;
    public sealed record Forgotten : NodeEvent;
}
