namespace HiveMind.Simulation;

/// <summary>The world's only clock, wall and monotonic, in ticks of 100 ns since the world began.</summary>
internal sealed class VirtualClock : TimeProvider
{
    private static readonly DateTimeOffset Beginning = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public long Ticks { get; set; }
    public DateTimeOffset Now => Beginning.AddTicks(Ticks);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    public override long GetTimestamp() => Ticks;
    public override DateTimeOffset GetUtcNow() => Now;

    public static long TicksAt(DateTimeOffset time) => (time - Beginning).Ticks;
    public static DateTimeOffset At(long ticks) => Beginning.AddTicks(ticks);
}

/// <summary>Lengths of virtual time in ticks.</summary>
internal static class Ticks
{
    public const long Millisecond = TimeSpan.TicksPerMillisecond, Second = TimeSpan.TicksPerSecond, Minute = TimeSpan.TicksPerMinute;

    public static long Seconds(double seconds) => (long)(seconds * Second);
}
