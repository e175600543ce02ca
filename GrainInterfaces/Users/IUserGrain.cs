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

/// <summary>Who calls, as established by the gateway's session check.</summary>
[GenerateSerializer, Alias("HiveMind.Caller"), Immutable]
public sealed record Caller([property: Id(0)] string UserId, [property: Id(1)] string Username, [property: Id(2)] string Role)
{
    /// <summary>Where the call came from; empty: not over a connection of ours.</summary>
    [Id(3)] public string Address { get; init; } = "";
    /// <summary>The admin who acts as this account; empty: it acts itself.</summary>
    [Id(4)] public string ActingAdmin { get; init; } = "";
    /// <summary>An admin made its password: nothing else is done before it is changed.</summary>
    [Id(5)] public bool MustChangePassword { get; init; }

    public bool IsAdmin => Role == Roles.Admin;
}

public static class Roles
{
    public const string User = "user", Admin = "admin";
}

[GenerateSerializer, Alias("HiveMind.LoginResult"), Immutable]
public sealed record LoginResult([property: Id(0)] string SessionToken, [property: Id(1)] DateTimeOffset ExpiresAt, [property: Id(2)] AccountRow Account);

/// <summary>A session as its account sees it. Address and client: of the login.</summary>
[GenerateSerializer, Alias("HiveMind.SessionInfo"), Immutable]
public sealed record SessionInfo(
    [property: Id(0)] string SessionId, [property: Id(1)] DateTimeOffset CreatedAt, [property: Id(2)] DateTimeOffset LastUsedAt,
    [property: Id(3)] DateTimeOffset ExpiresAt, [property: Id(4)] string Address, [property: Id(5)] string Client);

/// <summary>The seed's users table plus display name. Secrets stay between the database and UserGrain and are never on the wire.</summary>
[GenerateSerializer, Alias("HiveMind.AccountRow"), Immutable]
public sealed record AccountRow
{
    [Id(0)] public required string UserId { get; init; }
    [Id(1)] public required string Username { get; init; }
    [Id(2)] public required string Email { get; init; }
    [Id(3)] public string DisplayName { get; init; } = "";
    /// <summary>`pbkdf2-sha512$iterations$base64`; "!" for an account that cannot log in.</summary>
    [Id(4)] public required string PasswordHash { get; init; }
    [Id(5)] public required string Salt { get; init; }
    [Id(6)] public required DateTimeOffset CreatedAt { get; init; }
    [Id(7)] public DateTimeOffset? LastLogin { get; init; }
    [Id(8)] public string Role { get; init; } = Roles.User;
    [Id(9)] public bool IsActive { get; init; } = true;
    /// <summary>Until when a password that an admin made is good for; null: the password is the account's own.</summary>
    [Id(10)] public DateTimeOffset? TemporaryUntil { get; init; }

    public bool MustChangePassword => TemporaryUntil is not null;
    public bool CanLogIn(DateTimeOffset now) => IsActive && (TemporaryUntil is not { } until || now < until);
}

/// <summary>What becomes of an account, hashed already. Null leaves a field as it is.</summary>
[GenerateSerializer, Alias("HiveMind.AccountChange"), Immutable]
public sealed record AccountChange
{
    [Id(0)] public string? Email { get; init; }
    [Id(1)] public string? DisplayName { get; init; }
    [Id(2)] public string? Role { get; init; }
    [Id(3)] public bool? IsActive { get; init; }
    /// <summary>With its salt.</summary>
    [Id(4)] public string? PasswordHash { get; init; }
    [Id(5)] public string? Salt { get; init; }
    /// <summary>For a password that must be changed: until when it is good for.</summary>
    [Id(6)] public DateTimeOffset? TemporaryUntil { get; init; }
    /// <summary>The hash that the current password was found right against: it must still be the account's.</summary>
    [Id(7)] public string? VerifiedHash { get; init; }
}
