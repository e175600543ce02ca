using System.Security.Cryptography;

namespace HiveMind.Users;

/// <summary>Pure rules over one account's sessions: expired ones leave with every change, and the least lately used make room.</summary>
public static class SessionList
{
    /// <summary>One account, this many logins at once.</summary>
    public const int Limit = 100;

    /// <summary>The list with it, and who had to make room for it.</summary>
    public static (UserRecord User, IReadOnlyList<SessionRecord> Ended) Add(UserRecord user, SessionRecord session, DateTimeOffset now)
    {
        var alive = Alive(user, now).ToList();
        var ended = alive.OrderBy(s => s.LastUsedAt).Take(Math.Max(0, alive.Count - Limit + 1)).ToList();
        return (user with { Sessions = [.. alive.Except(ended), session] }, ended);
    }

    public static SessionRecord? Find(UserRecord user, string sessionId, ReadOnlySpan<byte> secretHash, DateTimeOffset now)
    {
        foreach (var session in user.Sessions)
            if (session.SessionId == sessionId && session.ExpiresAt > now && CryptographicOperations.FixedTimeEquals(session.SecretHash, secretHash))
                return session;
        return null;
    }

    /// <summary>One timeout from now, but never past its greatest age. Null when there is no such live session.</summary>
    public static (UserRecord User, DateTimeOffset ExpiresAt)? Renew(UserRecord user, string sessionId, TimeSpan timeout, TimeSpan maxAge, DateTimeOffset now)
    {
        if (Alive(user, now).FirstOrDefault(s => s.SessionId == sessionId) is not { } session) return null;
        var expires = ExpiresAt(session.CreatedAt, timeout, maxAge, now);
        return (user with { Sessions = [.. Alive(user, now).Select(s => s.SessionId == sessionId ? s with { ExpiresAt = expires } : s)] }, expires);
    }

    public static DateTimeOffset ExpiresAt(DateTimeOffset createdAt, TimeSpan timeout, TimeSpan maxAge, DateTimeOffset now) =>
        now + timeout < createdAt + maxAge ? now + timeout : createdAt + maxAge;

    public static UserRecord Remove(UserRecord user, IReadOnlyCollection<string> sessionIds, DateTimeOffset now) =>
        user with { Sessions = [.. Alive(user, now).Where(s => !sessionIds.Contains(s.SessionId))] };

    public static UserRecord KeepOnly(UserRecord user, string? sessionId, DateTimeOffset now) =>
        user with { Sessions = [.. Alive(user, now).Where(s => s.SessionId == sessionId)] };

    /// <summary>The list as it is to be written: with when each was used last.</summary>
    public static UserRecord Used(UserRecord user, IReadOnlyDictionary<string, DateTimeOffset> used) => used.Count == 0 ? user
        : user with
        {
            Sessions = [.. user.Sessions.Select(s => used.TryGetValue(s.SessionId, out var at) && at > s.LastUsedAt ? s with { LastUsedAt = at } : s)],
        };

    public static IEnumerable<SessionRecord> Alive(UserRecord user, DateTimeOffset now) => user.Sessions.Where(s => s.ExpiresAt > now);
}
