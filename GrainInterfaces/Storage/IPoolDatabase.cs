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
