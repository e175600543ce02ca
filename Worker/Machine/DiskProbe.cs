namespace HiveMind.Workers.Machine;

/// <summary>How much of a disk may be lent.</summary>
internal static class DiskProbe
{
    /// <summary>A tenth of what is free, at most 10 GiB, stays the machine's own. Never 0, which would say that there is no limit.</summary>
    public static long Lent(long freeMb, long mostMb)
    {
        var spare = Math.Max(1, freeMb - Math.Min(freeMb / 10, 10 * 1024));
        return mostMb > 0 ? Math.Min(spare, mostMb) : spare;
    }

    /// <summary>On the file system that a folder is on, or will be on when it is made.</summary>
    public static long FreeMb(string folder)
    {
        var existing = Path.GetFullPath(folder);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } above)
            existing = above;
        return new DriveInfo(existing).AvailableFreeSpace >> 20;
    }
}
