namespace HiveMind.Auditing;

/// <summary>Subject: whose account, which node. Before and after: what it was and is, where that can be said in a word.</summary>
public sealed record AuditEvent(Actor Actor, string Action, string Subject, string Before = "", string After = "")
{
    /// <summary>How often within the minute before it was noted; more than one only where single ones would fill the database.</summary>
    public long Times { get; init; } = 1;
}
