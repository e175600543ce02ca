namespace HiveMind.Tasks;

/// <summary>
/// Durations across records. Within one process they are measured, by its monotonic clock, which every grain here counts from the same moment. What another process
/// noted is a moment of another clock (<see cref="ClockTrust"/>).
/// </summary>
public sealed class ProcessClock(TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>Another one for every process.</summary>
    public long Process { get; internal set; } = BitConverter.ToInt64(Guid.NewGuid().ToByteArray());

    public Instant Now => new(time.GetElapsedTime(_began), time.GetUtcNow());
}
