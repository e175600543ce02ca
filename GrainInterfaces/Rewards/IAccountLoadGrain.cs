using HiveMind.Scheduling;
using HiveMind.Tasks;
using Orleans.Concurrency;

namespace HiveMind.Rewards;

/// <summary>
/// What one account has open in the pool, keyed by user id, and the one place that lets more in. Nothing durable: it is summed from the account's
/// entries in the unfinished index when it wakes, kept by what is let in and what has ended, and summed anew before it says no.
/// </summary>
[Alias("HiveMind.IAccountLoadGrain")]
public interface IAccountLoadGrain : IGrainWithStringKey
{
    /// <summary>
    /// Sets aside what these tasks may cost and take, in their order, as far as credit and quotas reach. One that is open already is let in again
    /// and counted once.
    /// </summary>
    /// <param name="tasks">What is to be let in.</param>
    /// <param name="role">Of the account: its quotas.</param>
    /// <param name="allOrNone">Changes nothing unless all of them get in.</param>
    [Alias("Admit"), AlwaysInterleave] Task<Admission> Admit(IReadOnlyList<TaskAsk> tasks, string role, bool allOrNone);
    /// <summary>Ended and settled. A hint, as the next: what is not told is found when the index is summed anew.</summary>
    [Alias("Free"), AlwaysInterleave] Task Free(IReadOnlyList<string> taskIds);
    /// <summary>Were let in as new and came to nothing. Only the index takes them out: the same id may be on its way to a birth by another call.</summary>
    [Alias("NotBorn"), AlwaysInterleave] Task NotBorn(IReadOnlyList<string> taskIds);
    /// <summary>One more node (true), or one that it has. ResourceExhausted NODE_QUOTA.</summary>
    [Alias("AdmitNode"), AlwaysInterleave] Task<bool> AdmitNode(string nodeId, string role);
    /// <summary>Not registered, or not any more. A hint.</summary>
    [Alias("NodeGone"), AlwaysInterleave] Task NodeGone(string nodeId);
    [Alias("GetStanding"), AlwaysInterleave] Task<AccountStanding> GetStanding();
    /// <summary>Its account was shut out: read anew at once, and not when what is known of it has become old.</summary>
    [Alias("AccountChanged"), AlwaysInterleave] Task AccountChanged();
}

/// <summary>What decides whether a task is let in.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAsk"), Immutable]
public sealed record TaskAsk(
    [property: Id(0)] string TaskId, [property: Id(1)] ResourceRequest Resources, [property: Id(2)] TimeSpan RunTimeout, [property: Id(3)] TimeSpan TotalTimeout,
    [property: Id(4)] RetrySpec Retry, [property: Id(5)] long PayloadBytes)
{
    /// <summary>It runs on machines of its own account only: what it costs is paid to itself, so nothing is held for it.</summary>
    [Id(6)] public bool OnOwnMachines { get; init; }
    [Id(7)] public bool IsUrgent { get; init; }
}

/// <summary>One answer for each task, in their order; none of them counts when not all got in and all or none were wanted.</summary>
[GenerateSerializer, Alias("HiveMind.Admission"), Immutable]
public sealed record Admission([property: Id(0)] bool IsWhole, [property: Id(1)] IReadOnlyList<TaskAdmission> Tasks);

/// <summary>The hold (null where no balance is asked), or why not.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAdmission"), Immutable]
public sealed record TaskAdmission([property: Id(0)] TaskHold? Hold, [property: Id(1)] Refusal? Refusal = null)
{
    /// <summary>It was not open, as far as is known, nor on its way.</summary>
    [Id(2)] public bool IsNew { get; init; }
}

[GenerateSerializer, Alias("HiveMind.Refusal"), Immutable]
public sealed record Refusal([property: Id(0)] FailureKind Kind, [property: Id(1)] string Reason, [property: Id(2)] string Message);

/// <summary>
/// What is held of the submitter's balance for an open task, as it was at the submit: of all runs that may be paid, of one of them, and how many
/// they are. What is held later follows from it and from the attempts (`HoldRule`).
/// </summary>
[GenerateSerializer, Alias("HiveMind.TaskHold"), Immutable]
public sealed record TaskHold([property: Id(0)] long Micros, [property: Id(1)] long RunMicros, [property: Id(2)] int Runs)
{
    public static readonly TaskHold Nothing = new(0, 0, 1);
}

/// <summary>Micro-credits; the rest is what its open tasks take.</summary>
[GenerateSerializer, Alias("HiveMind.AccountStanding"), Immutable]
public sealed record AccountStanding(
    [property: Id(0)] long BalanceMicros, [property: Id(1)] long HeldMicros, [property: Id(2)] int OpenTasks, [property: Id(3)] long PayloadBytes)
{
    /// <summary>False: it was shut out, and none of its tasks starts any more.</summary>
    [Id(4)] public bool IsActive { get; init; } = true;
    public long FreeMicros => BalanceMicros - HeldMicros;
    /// <summary>False: credits were taken away since, and its tasks may cost more than it has.</summary>
    public bool IsCovered => FreeMicros >= 0 || HeldMicros == 0;
}
