using Orleans.Concurrency;

namespace HiveMind.Users;

[GenerateSerializer, Alias("HiveMind.LoginResult"), Immutable]
public sealed record LoginResult([property: Id(0)] string SessionToken, [property: Id(1)] DateTimeOffset ExpiresAt, [property: Id(2)] AccountRow Account);
