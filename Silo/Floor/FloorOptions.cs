namespace HiveMind.Storage;

/// <summary>Where the floor is and how the embedded one is sized.</summary>
public sealed class FloorOptions
{
    /// <summary>StackExchange.Redis connection string; empty: embedded, in the directory below.</summary>
    public string ConnectionString { get; set; } = "";
    /// <summary>The embedded floor's own directory (normally DataDirectory/floor). Not used with a connection string.</summary>
    public string Directory { get; set; } = "";
    /// <summary>Prefix of all keys; the same for all silos of a pool, for ever.</summary>
    public string ServiceId { get; set; } = "hivemind";
    public string ClusterId { get; set; } = "hivemind";
    /// <summary>How long a command may take before its outcome is called unknown.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(5);
    /// <summary>How often the embedded floor commits what nobody waits for (membership, reminders, index removals).</summary>
    public TimeSpan CommitInterval { get; set; } = TimeSpan.FromMilliseconds(300);
    /// <summary>The append-only file's size that triggers a checkpoint, after which its older part is deleted.</summary>
    public string AofSizeLimit { get; set; } = "64m";
    /// <summary>How often that size is looked at.</summary>
    public int AofSizeCheckSeconds { get; set; } = 5;
    /// <summary>Memory of the embedded floor's log; what is above goes to its files.</summary>
    public string LogMemorySize { get; set; } = "256m";

    public bool IsEmbedded => string.IsNullOrWhiteSpace(ConnectionString);
}
