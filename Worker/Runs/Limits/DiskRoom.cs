namespace HiveMind.Workers.Runs;

/// <summary>
/// Whether the disk that runs write to has room for another one. It is full below half of what the machine keeps for itself
/// (256 MiB at most), or once a write was refused; and has room again when there is twice as much.
/// </summary>
public sealed class DiskRoom
{
    private const long MostMb = 256, FewFiles = 1000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly Func<DiskFree> _measure;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly long _lowMb;
    private long? _lookedAt;
    private bool _full;

    /// <param name="measure">What is free now.</param>
    /// <param name="time">Its monotonic clock says when to look again.</param>
    public DiskRoom(Func<DiskFree> measure, TimeProvider time)
    {
        (_measure, _time) = (measure, time);
        _lowMb = Math.Min(MostMb, measure().Mb / 20);
    }

    public static DiskRoom Of(string folder, TimeProvider time) => new(() => DiskFree.Of(folder), time);

    public bool IsFull
    {
        get
        {
            lock (_lock)
            {
                if (_lookedAt is not { } since || _time.GetElapsedTime(since) >= LookEvery)
                    Look();
                return _full;
            }
        }
    }

    /// <summary>A write was refused: whatever the figures say, this is full until they are good.</summary>
    public void Refused()
    {
        lock (_lock)
            (_full, _lookedAt) = (true, _time.GetTimestamp());
    }

    private void Look()
    {
        _lookedAt = _time.GetTimestamp();
        var free = _measure();
        var factor = _full ? 2 : 1;
        _full = free.Mb < _lowMb * factor || free.Files < FewFiles * factor;
    }
}

/// <summary>What a file system has left for this user; a file system that does not count its files has no end of them.</summary>
public readonly record struct DiskFree(long Mb, long Files)
{
    public static readonly DiskFree Unknown = new(long.MaxValue, long.MaxValue);

    /// <summary>A file system that cannot be asked is not taken for a full one.</summary>
    public static DiskFree Of(string folder)
    {
        if (NativeFiles.IsSupported)
            return NativeFiles.Free(folder) ?? Unknown;
        try
        {
            return new DiskFree(new DriveInfo(folder).AvailableFreeSpace >> 20, long.MaxValue);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Unknown;
        }
    }
}
