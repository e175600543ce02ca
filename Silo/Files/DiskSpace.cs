namespace HiveMind.Storage;

/// <summary>`disk_space`: below this the stores would soon refuse writes, and a silo that cannot write should get no new work.</summary>
public static class DiskSpace
{
    public const long LeastBytes = 64L << 20;

    /// <summary>What new work leaves free for the outputs of what is under way.</summary>
    public const long KeptForResultsBytes = 64L << 20;

    public static bool IsEnough(long freeBytes) => freeBytes >= LeastBytes;

    public static bool IsEnoughForNew(long freeBytes) => freeBytes >= LeastBytes + KeptForResultsBytes;

    /// <summary>Where a store's own error does not say whether it was for want of room.</summary>
    public static bool HasNoRoom(string directory)
    {
        try
        {
            return FreeBytes(directory) < 1 << 20;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>What an ordinary user may still write on the directory's volume.</summary>
    public static long FreeBytes(string directory) =>
        new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(directory)! : directory).AvailableFreeSpace;
}
