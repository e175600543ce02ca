using HiveMind.Auditing;
using Orleans.Concurrency;

namespace HiveMind.Users;

/// <summary>
/// One account, keyed by user id. Owns its sessions (hashes only); the account row itself belongs to the database. No password comes here: nothing
/// that takes long is done in an account's turn.
/// </summary>
[Alias("HiveMind.IUserGrain")]
public interface IUserGrain : IGrainWithStringKey
{
    /// <summary>Opens a session after the password was found right against that hash; Unauthenticated when it is not the account's any more.</summary>
    [Alias("OpenSession")] Task<LoginResult> OpenSession(string verifiedHash, CallOrigin origin);
    /// <summary>Who the session belongs to. Throws Unauthenticated when unknown, expired, revoked, or the account is inactive.</summary>
    [Alias("CheckSession"), AlwaysInterleave] Task<Caller> CheckSession(string sessionId, byte[] secretHash);
    /// <summary>Up to its absolute end.</summary>
    [Alias("Renew")] Task<DateTimeOffset> Renew(string sessionId);
    [Alias("Logout")] Task Logout(string sessionId, Actor by);
    /// <summary>Those that are alive, the last used first.</summary>
    [Alias("ListSessions"), AlwaysInterleave] Task<IReadOnlyList<SessionInfo>> ListSessions();
    /// <summary>Ends these, or with none named all but the one to keep. How many it ended.</summary>
    [Alias("RevokeSessions")] Task<int> RevokeSessions(IReadOnlyList<string> sessionIds, string? keepSessionId, Actor by);
    /// <summary>Changes the account; a new password or is_active=false ends the other (or all) sessions. Never the last active admin's role or state.</summary>
    [Alias("Change")] Task<AccountRow> Change(AccountChange change, string? keepSessionId, Actor by);
    /// <summary>The account as the database has it, or null.</summary>
    [Alias("GetAccount"), AlwaysInterleave] Task<AccountRow?> GetAccount();
}
