using HiveMind.Auditing;

namespace HiveMind.Users;

/// <summary>
/// What needs a password or makes an account. Implemented beside UserGrain: validates nothing on the wire, asks the gate before it hashes, hashes
/// within the slots of this silo and outside of the account's turn, writes one transaction.
/// </summary>
public interface IAccounts
{
    /// <summary>
    /// AlreadyExists names username or email; PermissionDenied where a code is needed or wrong. A right admin code makes an admin; it and a
    /// registration code are used up in the same transaction.
    /// </summary>
    Task<AccountRow> Register(NewAccount account, CallOrigin origin, CancellationToken cancel);
    /// <summary>
    /// Opens a session. Unknown name, wrong password and inactive account are the same Unauthenticated after the same time; ResourceExhausted,
    /// with the time to wait, after too many failures.
    /// </summary>
    /// <param name="username">As given; null: it cannot be a name, so it is nobody's.</param>
    /// <param name="password">As given.</param>
    /// <param name="origin">Where the call comes from.</param>
    /// <param name="cancel">Nobody waits any more.</param>
    Task<LoginResult> LogIn(string? username, string password, CallOrigin origin, CancellationToken cancel);
    /// <summary>Changes the account; with a current password given, only if it is right.</summary>
    Task<AccountRow> Update(Caller caller, ProfileChange change, string? keepSessionId, CancellationToken cancel);
    /// <summary>A password that is good for a day and must be changed; ends all sessions.</summary>
    Task<string> ResetPassword(string userId, Actor by, CancellationToken cancel);
    /// <summary>Open mode: the account of that id, made on first use, unable to log in.</summary>
    Task<Caller> OpenAccount(string userId, CancellationToken cancel);
}
