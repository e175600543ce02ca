namespace HiveMind.Auditing;

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
