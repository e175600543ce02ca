namespace HiveMind.Storage;

/// <summary>Can the state store still take a write, and keep it?</summary>
public abstract class StateStoreHealth
{
    /// <summary>Null when healthy, else what is wrong.</summary>
    public abstract Task<string?> Check(TimeSpan timeout);
}
