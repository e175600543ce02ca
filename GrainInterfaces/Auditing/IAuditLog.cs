using HiveMind.Users;

namespace HiveMind.Auditing;

/// <summary>
/// What was done to accounts, nodes and credits, by whom and from where: in the database, kept for good. What changes the database is noted in
/// the same transaction; for everything else <see cref="Note"/> comes before the answer.
/// </summary>
public interface IAuditLog
{
    /// <summary>Durable when it is done. No secrets: what changed is said, never a password, token or code.</summary>
    Task Note(AuditEvent entry, CancellationToken cancel = default);
    /// <summary>Up to so many, the newest first, below that id of an earlier page.</summary>
    Task<IReadOnlyList<AuditRow>> Read(AuditFilter filter, string? below, int most, CancellationToken cancel = default);
}

/// <summary>
/// For what comes so often that single lines would fill the database: counted by what it is, and noted once a minute with how often it was. Bounded: beyond
/// so many kinds a minute the rest is one line.
/// </summary>
public interface IAuditTally
{
    /// <summary>In the database within a minute.</summary>
    void Count(AuditEvent entry);
    /// <summary>The first within a minute is durable when it is done; more of the same are counted.</summary>
    Task Note(AuditEvent entry);
}

/// <summary>Who acts: an account's id (an admin's own, also where they act for another), a node's, or the hub's; and from which address.</summary>
[GenerateSerializer, Alias("HiveMind.Actor"), Immutable]
public sealed record Actor([property: Id(0)] string Id, [property: Id(1)] string Address = "")
{
    /// <summary>The pool itself, without anybody asking.</summary>
    public static readonly Actor Hub = new("hub");
    /// <summary>Whoever has a shell on the hub's machine.</summary>
    public static readonly Actor Operator = new("operator", "local");

    public static Actor Of(Caller caller) => new(caller.ActingAdmin.Length > 0 ? caller.ActingAdmin : caller.UserId, caller.Address);
}

/// <summary>Subject: whose account, which node. Before and after: what it was and is, where that can be said in a word.</summary>
public sealed record AuditEvent(Actor Actor, string Action, string Subject, string Before = "", string After = "")
{
    /// <summary>How often within the minute before it was noted; more than one only where single ones would fill the database.</summary>
    public long Times { get; init; } = 1;
}

public sealed record AuditRow(
    string AuditId, DateTimeOffset At, string Actor, string Address, string Action, string Subject, string Before, string After, long Times);

/// <summary>Empty: any.</summary>
public sealed record AuditFilter(string Actor = "", string Subject = "", string Action = "", DateTimeOffset? Since = null);

/// <summary>Every action by its word: stable, for filters and scripts. `docs/operations.md` says what each means.</summary>
public static class AuditActions
{
    public const string Register = "register", Login = "login", LoginRefused = "login refused", Logout = "logout", SessionsEnded = "sessions ended";
    public const string Email = "email", DisplayName = "display name", Password = "password", PasswordReset = "password reset";
    public const string Role = "role", Activate = "activate", Deactivate = "deactivate", Closed = "account closed";
    public const string AdminCodeMade = "admin code made", AdminCodeUsed = "admin code used";
    public const string CodeMade = "registration code made", CodeUsed = "registration code used", CodeRevoked = "registration code revoked";
    public const string Credits = "credits", ActedFor = "acted for";
    public const string NodeRegistered = "node registered", NodeRemoved = "node removed", NodeTokenRotated = "node token rotated", NodeTokenRevoked = "node token revoked";
    public const string NodeCordoned = "node cordoned", NodeUncordoned = "node uncordoned", NodeDrained = "node drained";
}
