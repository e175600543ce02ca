using System.Diagnostics;
using System.Runtime.InteropServices;

namespace HiveMind.Hosting;

/// <summary>
/// The one clock of a silo's process, Orleans included (ADR 32). Its time of day is <see cref="SteadyTime"/>; what elapses is counted by the
/// monotonic clock that goes on while the machine sleeps. Only what other programs compare with their own clocks (certificates, lines of
/// the log) takes the wall clock itself.
/// </summary>
public sealed partial class SteadyClock : TimeProvider
{
    private readonly Func<TimeSpan> _elapsed;
    private readonly TimeProvider _wall;
    private readonly Lock _gate = new();
    private SteadyTime _piece;

    private SteadyClock() : this(SinceBoot, System)
    {
    }

    internal SteadyClock(Func<TimeSpan> elapsed, TimeProvider wall)
    {
        (_elapsed, _wall) = (elapsed, wall);
        _piece = SteadyTime.StartingAt(elapsed(), wall.GetUtcNow());
    }

    /// <summary>Started with the process.</summary>
    public static SteadyClock OfProcess { get; } = new();

    /// <summary>How far the wall clock is ahead of this one (negative: behind).</summary>
    public TimeSpan Off => _wall.GetUtcNow() - GetUtcNow();

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
        {
            var elapsed = _elapsed();
            if (_piece.IsOver(elapsed)) _piece = _piece.Next(elapsed, _wall.GetUtcNow());
            return _piece.At(elapsed);
        }
    }

    private static TimeSpan SinceBoot()
    {
        if (OperatingSystem.IsLinux() && ClockGetTime(BootTime, out var time) == 0) return TimeSpan.FromTicks(time.Seconds * TimeSpan.TicksPerSecond + time.Nanoseconds / 100);
        return Stopwatch.GetElapsedTime(0);
    }

    private const int BootTime = 7; // CLOCK_BOOTTIME: as CLOCK_MONOTONIC, and a suspended machine's time counts

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
