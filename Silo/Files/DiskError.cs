namespace HiveMind.Storage;

internal static class DiskError
{
    /// <summary>No room left, as the system or SQLite says it.</summary>
    public static bool IsFull(Exception e) => e switch
    {
        IOException io => (io.HResult & 0xffff) is 28 or 112, // ENOSPC, ERROR_DISK_FULL
        Microsoft.Data.Sqlite.SqliteException sqlite => sqlite.SqliteErrorCode == 13,
        _ => false,
    };

    /// <summary>A full, missing or broken disk is the files being away. The message names no path: it reaches callers.</summary>
    public static HiveMindException ToFailure(Exception e) =>
        e is FileNotFoundException
        ? HiveMindException.Unavailable("FILE_MISSING", "A stored file is missing.")
        : HiveMindException.Unavailable("FILES_UNAVAILABLE", "The files cannot be used now: the disk is full or away.");
}
