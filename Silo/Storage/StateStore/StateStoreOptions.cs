namespace HiveMind.Storage;

/// <summary>Where the state store is.</summary>
public sealed class StateStoreOptions
{
    /// <summary>StackExchange.Redis connection string; empty: embedded, in the directory below.</summary>
    public string ConnectionString { get; set; } = "";
    /// <summary>The embedded state store's own directory (normally DataDirectory/floor). Not used with a connection string.</summary>
    public string Directory { get; set; } = "";
    /// <summary>Prefix of all keys; the same for all silos of a pool, for ever.</summary>
    public string ServiceId { get; set; } = "hivemind";
    public string ClusterId { get; set; } = "hivemind";
    /// <summary>How long a command may take before its outcome is called unknown.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(5);
    /// <summary>The end of the process when the embedded state store is in doubt.</summary>
    public FailStop FailStop { get; set; } = FailStop.OfProcess;
    /// <summary>A Redis that may lose what was acknowledged when its machine crashes is taken all the same.</summary>
    public bool AllowLossOnCrash { get; set; }
    /// <summary>How long the start waits for a Redis that does not answer.</summary>
    public TimeSpan StartPatience { get; set; } = TimeSpan.FromSeconds(60);
    /// <summary>Tells whoever starts the silo what is waited for.</summary>
    public Action<string>? Say { get; set; }

    public bool IsEmbedded => string.IsNullOrWhiteSpace(ConnectionString);
}
