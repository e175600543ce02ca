namespace HiveMind.Storage;

/// <summary>Can the floor still take a write, and keep it?</summary>
public abstract class FloorHealth
{
    /// <summary>Null when healthy, else what is wrong.</summary>
    public abstract Task<string?> Check(TimeSpan timeout);
}
