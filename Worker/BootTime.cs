using System.Runtime.InteropServices;

namespace HiveMind.Workers;

/// <summary>
/// A clock that also counts while the machine is suspended: a laptop that slept longer than its lease must know that at waking.
/// The plain monotonic clock stands still meanwhile.
/// </summary>
public sealed partial class BootTime : TimeProvider
{
    private const int ClockBootTime = 7;
    private readonly bool _available = OperatingSystem.IsLinux() && GetTime(ClockBootTime, out _) == 0;

    public override long TimestampFrequency => _available ? 1_000_000_000 : base.TimestampFrequency;

    public override long GetTimestamp() =>
        _available && GetTime(ClockBootTime, out var now) == 0 ? now.Seconds * 1_000_000_000L + now.Nanoseconds : base.GetTimestamp();

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeSpec now);
}
