using System.Runtime.InteropServices;

namespace HiveMind.Benchmarks;

/// <summary>Processor time of the calling thread (ns): what a piece of work costs, whatever else the machine does meanwhile.</summary>
internal static partial class ThreadClock
{
    private const int ThreadCpuTime = 3; // CLOCK_THREAD_CPUTIME_ID of Linux

    public static long Now
    {
        get
        {
            if (ClockGetTime(ThreadCpuTime, out var time) != 0) throw new InvalidOperationException("This system has no processor time of a thread.");
            return time.Seconds * 1_000_000_000 + time.Nanoseconds;
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds, Nanoseconds;
    }
}
