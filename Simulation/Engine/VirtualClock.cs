namespace HiveMind.Simulation;

/// <summary>Times of day of a world, which all begin at the same moment.</summary>
internal static class VirtualClock
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static long TicksAt(DateTimeOffset time) => (time - Beginning).Ticks;
    public static DateTimeOffset At(long ticks) => Beginning.AddTicks(ticks);
}

/// <summary>Lengths of virtual time in ticks.</summary>
internal static class Ticks
{
    public const long Millisecond = TimeSpan.TicksPerMillisecond, Second = TimeSpan.TicksPerSecond, Minute = TimeSpan.TicksPerMinute;

    public static long Seconds(double seconds) => (long)(seconds * Second);
}
