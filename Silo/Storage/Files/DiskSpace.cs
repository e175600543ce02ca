namespace HiveMind.Storage;

/// <summary>`disk_space`: below this the stores would soon refuse writes, and a silo that cannot write should get no new work.</summary>
public static class DiskSpace
{
    public const long LeastBytes = 64L << 20;

    /// <summary>What new work leaves free for the outputs of what is under way.</summary>
    public const long KeptForResultsBytes = 64L << 20;

    private const int Probe = 1 << 20;

    public static bool IsEnough(long freeBytes) => freeBytes >= LeastBytes;

    public static bool IsEnoughForNew(long freeBytes) => freeBytes >= LeastBytes + KeptForResultsBytes;

    /// <summary>
    /// Where a store's own error does not say whether it was for want of room. Tried, because a quota or inodes that are used up stand in no figure of free
    /// bytes.
    /// </summary>
    public static bool HasNoRoom(string directory)
    {
        try
        {
            if (FreeBytes(directory) < Probe) return true;
            using var file = new FileStream(Path.Combine(directory, $".room-{Guid.NewGuid():N}"), new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, Options = FileOptions.DeleteOnClose, BufferSize = 0,
            });
            file.Write(new byte[Probe]);
            return false;
        }
        catch (IOException e)
        {
            return DiskError.IsFull(e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    /// <summary>What an ordinary user may still write on the directory's volume.</summary>
    public static long FreeBytes(string directory) =>
        new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(directory)! : directory).AvailableFreeSpace;
}
