namespace HiveMind.Users;

public sealed record OpenedSession(string Token, DateTimeOffset ExpiresAt, Caller Caller);
