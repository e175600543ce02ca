using Orleans.Concurrency;

namespace HiveMind.Users;

/// <summary>One account, keyed by user id. Owns its sessions (hashes only); the account row itself belongs to the books.</summary>
[Alias("HiveMind.IUserGrain")]
public interface IUserGrain : IGrainWithStringKey
{
    /// <summary>Checks the password and opens a session. Any failure is the one Unauthenticated, after the same time.</summary>
    [Alias("Login")] Task<LoginResult> Login(string password);
    /// <summary>Who the session belongs to. Throws Unauthenticated when unknown, expired, revoked, or the account is inactive.</summary>
    [Alias("CheckSession"), AlwaysInterleave] Task<Caller> CheckSession(string sessionId, byte[] secretHash);
    [Alias("Renew")] Task<DateTimeOffset> Renew(string sessionId);
    [Alias("Logout")] Task Logout(string sessionId);
    /// <summary>Changes the account; a new password or is_active=false ends the other (or all) sessions.</summary>
    [Alias("Update")] Task<AccountRow> Update(ProfileChange change, string? keepSessionId);
    /// <summary>The account as the books have it, or null.</summary>
    [Alias("GetAccount"), AlwaysInterleave] Task<AccountRow?> GetAccount();
}

/// <summary>Who calls, as established by the gateway's session check.</summary>
[GenerateSerializer, Alias("HiveMind.Caller"), Immutable]
public sealed record Caller([property: Id(0)] string UserId, [property: Id(1)] string Username, [property: Id(2)] string Role)
{
    public bool IsAdmin => Role == Roles.Admin;
}

public static class Roles
{
    public const string User = "user", Admin = "admin";
}

[GenerateSerializer, Alias("HiveMind.LoginResult"), Immutable]
public sealed record LoginResult([property: Id(0)] string SessionToken, [property: Id(1)] DateTimeOffset ExpiresAt, [property: Id(2)] AccountRow Account);

/// <summary>The seed's users table plus display name. Secrets stay between the books and UserGrain and are never on the wire.</summary>
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
}

/// <summary>Null leaves a field as it is. A new password needs the current one unless an admin acts for somebody else.</summary>
[GenerateSerializer, Alias("HiveMind.ProfileChange"), Immutable]
public sealed record ProfileChange(
    [property: Id(0)] string? Email = null, [property: Id(1)] string? DisplayName = null, [property: Id(2)] string? CurrentPassword = null,
    [property: Id(3)] string? NewPassword = null, [property: Id(4)] string? Role = null, [property: Id(5)] bool? IsActive = null);
