namespace HiveMind.Storage;

internal static class DiskError
{
    private const int NoSpace = 28; // ENOSPC

    /// <summary>No room left, as the system or SQLite says it; a used-up quota is none either.</summary>
    public static bool IsFull(Exception e) => e switch
    {
        IOException io when OperatingSystem.IsWindows() => (io.HResult & 0xffff) is 39 or 112 or 1295, // ERROR_HANDLE_DISK_FULL, _DISK_FULL, _DISK_QUOTA_EXCEEDED
        IOException io => io.HResult is NoSpace || io.HResult == (OperatingSystem.IsLinux() ? 122 : 69), // and EDQUOT
        Microsoft.Data.Sqlite.SqliteException sqlite => sqlite.SqliteErrorCode == 13,
        _ => false,
    };

    /// <summary>Another process has it locked.</summary>
    public static bool IsInUse(IOException e) => OperatingSystem.IsWindows()
        ? (e.HResult & 0xffff) is 32 or 33 // ERROR_SHARING_VIOLATION, _LOCK_VIOLATION
        : e.HResult == (OperatingSystem.IsLinux() ? 11 : 35); // EWOULDBLOCK

    /// <summary>A full, missing or broken disk is the files being away. The message names no path: it reaches callers.</summary>
    public static HiveMindException ToFailure(Exception e) =>
        e is FileNotFoundException
        ? HiveMindException.Unavailable("FILE_MISSING", "A stored file is missing.")
        : HiveMindException.Unavailable("FILES_UNAVAILABLE", "The files cannot be used now: the disk is full or away.");
}
