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
