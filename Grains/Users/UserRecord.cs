namespace HiveMind.Users;

/// <summary>The stored sessions of one account: hashes only. Fields are appended, never renumbered.</summary>
[GenerateSerializer, Alias("HiveMind.UserRecord"), Immutable]
public sealed record UserRecord : HiveMind.Persistence.IStoredRecord
{
    public const int CurrentVersion = 1;

    public bool CanBeRead => Version is > 0 and <= CurrentVersion;

    [Id(0)] public int Version { get; init; } = CurrentVersion;
    [Id(1)] public IReadOnlyList<SessionRecord> Sessions { get; init; } = [];
}

[GenerateSerializer, Alias("HiveMind.SessionRecord"), Immutable]
public sealed record SessionRecord
{
    [Id(0)] public string SessionId { get; init; } = "";
    /// <summary>SHA-256 of the token's 256-bit secret.</summary>
    [Id(1)] public byte[] SecretHash { get; init; } = [];
    [Id(2)] public DateTimeOffset CreatedAt { get; init; }
    [Id(3)] public DateTimeOffset ExpiresAt { get; init; }
    /// <summary>As of the last write of this record; the grain knows better while it is in memory.</summary>
    [Id(4)] public DateTimeOffset LastUsedAt { get; init; }
    /// <summary>Of the login.</summary>
    [Id(5)] public string Address { get; init; } = "";
    [Id(6)] public string Client { get; init; } = "";
}
