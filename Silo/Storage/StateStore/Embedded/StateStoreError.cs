using SQLitePCL;

namespace HiveMind.Storage;

/// <summary>What SQLite answered, by its extended result code. Its own text is for the log only: it may name what nobody outside should read.</summary>
internal sealed class StateStoreError(int code, string text) : Exception($"SQLite error {code}: {text}")
{
    public int Code { get; } = code;

    private int Primary => Code & 0xff;

    public bool IsFull => Primary == raw.SQLITE_FULL;

    /// <summary>
    /// Nothing was changed for certain and the next try may succeed: no room, no memory, somebody else's turn, no descriptor left to open a
    /// file with. Anything else leaves the outcome or the file in doubt (a failed fsync, a read error, damage), and only a recovery from what is
    /// durable tells.
    /// </summary>
    public bool IsPassing => IsForbidden || Primary is raw.SQLITE_FULL or raw.SQLITE_NOMEM or raw.SQLITE_BUSY or raw.SQLITE_LOCKED;

    public bool IsDamage => Primary is raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    public bool IsForbidden => Primary is raw.SQLITE_CANTOPEN or raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH;
}
