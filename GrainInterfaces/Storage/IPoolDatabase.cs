using HiveMind.Auditing;
using HiveMind.Rewards;
using HiveMind.Users;

namespace HiveMind.Storage;

/// <summary>The SQL store: accounts, ledger, task history. Every write is one transaction on the writer's thread.</summary>
public interface IPoolDatabase
{
    /// <summary>The row and its starting credits (from `mint`) in one transaction; a code that is given is used up in it.</summary>
    Task AddAccount(AccountRow account, AccountOpening opening, CancellationToken cancel);
    Task<AccountRow?> FindAccount(string userId, CancellationToken cancel);
    Task<AccountRow?> FindAccountByName(string username, CancellationToken cancel);
    /// <summary>AlreadyExists names email. What changed is in the audit log, by whom and from where, in the same transaction.</summary>
    Task UpdateAccount(AccountRow account, Actor by, CancellationToken cancel);
    /// <summary>Micro-credits; 0 for an unknown account.</summary>
    Task<long> Balance(string userId, CancellationToken cancel);
    /// <summary>Its balance and whether it is active, in one read. Nothing, and active, for an unknown account.</summary>
    Task<Purse> Purse(string userId, CancellationToken cancel);
    Task<NodeTotals> NodeTotals(string nodeId, CancellationToken cancel);
    Task<PoolTotals> PoolTotals(DateTimeOffset since, CancellationToken cancel);
    /// <summary>Outputs of that account's ended tasks that are kept as files.</summary>
    Task<long> OutputBytes(string userId, CancellationToken cancel);
    /// <summary>Whether the outputs of that ended task were removed because their time was over.</summary>
    Task<bool> OutputsExpired(string taskId, CancellationToken cancel);
    /// <summary>Sum of all postings: always 0.</summary>
    Task<long> SumOfPostings(CancellationToken cancel);
    /// <summary>Key of the short tag on tokens, made with the database.</summary>
    byte[] TokenTagKey { get; }
}

/// <summary>Takes ended tasks to the database in batches, then out of the unfinished index; repeats until done, parks what cannot be written.</summary>
public interface ISettlements
{
    /// <summary>Hands over; the outcome is already durable, so a crash from here on is mended by the sweeper.</summary>
    void Post(Settlement settlement);
    /// <summary>Ended tasks handed over here that are not yet in the database and out of the index.</summary>
    int Open { get; }
}

/// <summary>What decides whether an account's tasks may start.</summary>
public readonly record struct Purse(long BalanceMicros, bool IsActive);

/// <summary>How an account begins: its credits, who makes it, and the codes (as given) that let it in.</summary>
public sealed record AccountOpening(long StartingMicros, Actor By, string AdminCode = "", string RegistrationCode = "");
