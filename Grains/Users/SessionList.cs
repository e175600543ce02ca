using System.Security.Cryptography;

namespace HiveMind.Users;

/// <summary>Pure rules over one account's sessions: expired ones leave with every change, and the oldest make room.</summary>
public static class SessionList
{
    /// <summary>One account, this many logins at once; the least lately made goes first.</summary>
    public const int Limit = 100;

    public static UserRecord Add(UserRecord user, SessionRecord session, DateTimeOffset now) =>
        user with { Sessions = [.. Alive(user, now).TakeLast(Limit - 1), session] };

    public static SessionRecord? Find(UserRecord user, string sessionId, ReadOnlySpan<byte> secretHash, DateTimeOffset now)
    {
        foreach (var session in user.Sessions)
            if (session.SessionId == sessionId && session.ExpiresAt > now && CryptographicOperations.FixedTimeEquals(session.SecretHash, secretHash))
                return session;
        return null;
    }

    /// <summary>Null when there is no such live session.</summary>
    public static UserRecord? Renew(UserRecord user, string sessionId, DateTimeOffset expiresAt, DateTimeOffset now) =>
        Alive(user, now).Any(s => s.SessionId == sessionId)
            ? user with { Sessions = [.. Alive(user, now).Select(s => s.SessionId == sessionId ? s with { ExpiresAt = expiresAt } : s)] }
            : null;

    public static UserRecord Remove(UserRecord user, string sessionId, DateTimeOffset now) =>
        user with { Sessions = [.. Alive(user, now).Where(s => s.SessionId != sessionId)] };

    public static UserRecord KeepOnly(UserRecord user, string? sessionId, DateTimeOffset now) =>
        user with { Sessions = [.. Alive(user, now).Where(s => s.SessionId == sessionId)] };

    private static IEnumerable<SessionRecord> Alive(UserRecord user, DateTimeOffset now) => user.Sessions.Where(s => s.ExpiresAt > now);
}
