using Orleans.Concurrency;

namespace HiveMind.Users;

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
