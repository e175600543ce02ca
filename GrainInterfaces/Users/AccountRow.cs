using Orleans.Concurrency;

namespace HiveMind.Users;

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
