using HiveMind.Auditing;
using HiveMind.Users;

namespace HiveMind.Storage;

/// <summary>Accounts beyond single rows: logins, searches, codes, credits by hand. Every change is one transaction with its line in the audit log.</summary>
public interface IAccountStore
{
    /// <summary>The account of that name, and whether it was logged in to from that network lately: one read, whether there is one or not.</summary>
    Task<KnownAccount> FindLogin(string username, string network, CancellationToken cancel);
    /// <summary>When and from where it was logged in to; the network is remembered for a while, as a keyed hash.</summary>
    Task NoteLogin(AccountRow account, string network, Actor by, CancellationToken cancel);

    /// <summary>By user name, beginning behind that one.</summary>
    Task<IReadOnlyList<ListedAccount>> Search(AccountFilter filter, string afterName, int most, CancellationToken cancel);
    /// <summary>Gives, or takes what is there; the same request again is the same answer. FailedPrecondition rather than below zero. The balance after it.</summary>
    Task<long> AdjustCredits(CreditChange change, Actor by, CancellationToken cancel);

    /// <summary>That change, by its request id, was made already.</summary>
    Task<bool> IsAdjusted(CreditChange change, CancellationToken cancel);

    /// <summary>The code is told here and never again: only its hash is kept.</summary>
    Task<MadeCode> MakeCode(CodeSpec spec, Actor by, CancellationToken cancel);
    /// <summary>Those that can still be used, the newest first.</summary>
    Task<IReadOnlyList<RegistrationCode>> ListCodes(int most, CancellationToken cancel);
    /// <summary>False: there is no such code.</summary>
    Task<bool> RevokeCode(string codeId, Actor by, CancellationToken cancel);
    /// <summary>Null unless it can be used now.</summary>
    Task<RegistrationCode?> FindCode(string code, CancellationToken cancel);

    /// <summary>Accounts that became inactive and whose tasks, nodes and sessions are not all ended yet.</summary>
    Task<IReadOnlyList<string>> Closing(int most, CancellationToken cancel);
    /// <summary>All of it is ended.</summary>
    Task NoteClosed(string userId, CancellationToken cancel);
}
