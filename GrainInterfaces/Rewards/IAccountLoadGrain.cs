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
