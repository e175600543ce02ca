using Orleans.Concurrency;

namespace HiveMind.Users;

/// <summary>A session as its account sees it. Address and client: of the login.</summary>
[GenerateSerializer, Alias("HiveMind.SessionInfo"), Immutable]
public sealed record SessionInfo(
    [property: Id(0)] string SessionId, [property: Id(1)] DateTimeOffset CreatedAt, [property: Id(2)] DateTimeOffset LastUsedAt,
    [property: Id(3)] DateTimeOffset ExpiresAt, [property: Id(4)] string Address, [property: Id(5)] string Client);
