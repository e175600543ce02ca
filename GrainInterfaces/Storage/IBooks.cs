using HiveMind.Rewards;
using HiveMind.Users;

namespace HiveMind.Storage;

/// <summary>The SQL store: accounts, ledger, task history. Every write is one transaction on the writer's thread.</summary>
public interface IBooks
{
    /// <summary>The row and its starting credits (from `mint`) in one transaction; the admin code hash is used up in it if given.</summary>
    Task AddAccount(AccountRow account, long startingMicros, string? useAdminCodeHash, CancellationToken cancel);
    Task<AccountRow?> FindAccount(string userId, CancellationToken cancel);
    Task<AccountRow?> FindAccountByName(string username, CancellationToken cancel);
    /// <summary>AlreadyExists names email.</summary>
    Task UpdateAccount(AccountRow account, CancellationToken cancel);
    /// <summary>The same, with who does it for the audit log (role, active, password).</summary>
    Task UpdateAccount(AccountRow account, string actor, CancellationToken cancel) => UpdateAccount(account, cancel);
    Task SetLastLogin(string userId, DateTimeOffset at, CancellationToken cancel);
    /// <summary>Micro-credits; 0 for an unknown account.</summary>
    Task<long> Balance(string userId, CancellationToken cancel);
    Task<NodeTotals> NodeTotals(string nodeId, CancellationToken cancel);
    Task<PoolTotals> PoolTotals(DateTimeOffset since, CancellationToken cancel);
    /// <summary>Whether the outputs of that ended task were removed because their time was over.</summary>
    Task<bool> OutputsExpired(string taskId, CancellationToken cancel);
    /// <summary>Sum of all postings: always 0.</summary>
    Task<long> SumOfPostings(CancellationToken cancel);
    /// <summary>Key of the short tag on tokens, made with the books.</summary>
    byte[] TokenTagKey { get; }
}

/// <summary>Takes ended tasks to the books in batches, then out of the unfinished index; repeats until done, parks what cannot be written.</summary>
public interface ISettlements
{
    /// <summary>Hands over; the outcome is already durable, so a crash from here on is mended by the sweeper.</summary>
    void Post(Settlement settlement);
    /// <summary>Ended tasks handed over here that are not yet in the books and out of the index.</summary>
    int Open { get; }
}
