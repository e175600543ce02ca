namespace HiveMind.Scheduling;

/// <summary>What the last sweep of this process found, for whoever shows how the hub does.</summary>
public static class SweepFindings
{
    private static long _unreadable;

    /// <summary>Index entries that it could not read; 0 where none has run.</summary>
    public static long Unreadable => Interlocked.Read(ref _unreadable);

    internal static void Note(long unreadable) => Interlocked.Exchange(ref _unreadable, unreadable);
}
