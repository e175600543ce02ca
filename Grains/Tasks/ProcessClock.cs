namespace HiveMind.Tasks;

/// <summary>
/// Durations across records. Within one process they are measured, by its monotonic clock. What another process noted is a moment of another
/// clock, which may be set otherwise: it is believed to within <see cref="Trust"/> (ADR 36).
/// </summary>
public sealed class ProcessClock(TimeProvider time)
{
    /// <summary>By how much two clocks, or one clock before and after a restart, may differ without anything's ending early.</summary>
    public static readonly TimeSpan Trust = TimeSpan.FromHours(1);

    /// <summary>Another one for every process.</summary>
    public long Process { get; internal set; } = BitConverter.ToInt64(Guid.NewGuid().ToByteArray());

    public ClockReading Read() => new(Process, time.GetTimestamp());

    /// <summary>Since that reading; null: it is another process's.</summary>
    public TimeSpan? Since(ClockReading reading) => reading.Process == Process ? time.GetElapsedTime(reading.Stamp) : null;

    /// <summary>Since that moment of another process's clock: what was measured here, and no more of the difference than is surely no clock's.</summary>
    public static TimeSpan AtLeast(TimeSpan measured, TimeSpan difference) => measured > difference - Trust ? measured : difference - Trust;
}
