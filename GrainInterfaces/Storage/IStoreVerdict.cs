namespace HiveMind.Storage;

/// <summary>What this silo saw of its stores a moment ago: kept at hand, so that asking for it costs nothing.</summary>
public interface IStoreVerdict
{
    /// <summary>Why no call can be served, null when they can: then they are refused at once instead of each waiting for the store.</summary>
    string? Away { get; }

    /// <summary>Why no new work may come in, null when it may. What is in goes on: ends, cancels and logins need the room that is left.</summary>
    string? Shortage { get; }

    /// <summary>There is no room at all: whatever writes is refused by the store itself.</summary>
    bool IsFull { get; }

    /// <summary>Whether a write works now, and has done so for a while: a store that has just come back is not yet back for everybody.</summary>
    Task<bool> CanWrite();
}
