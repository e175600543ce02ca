namespace HiveMind;

/// <summary>When a step is taken: durations are counted by the first, which nobody sets, and what people read is the second.</summary>
/// <param name="Clock">A monotonic clock of the carrier's, from wherever it counts.</param>
/// <param name="Wall">The time of day.</param>
public readonly record struct Instant(TimeSpan Clock, DateTimeOffset Wall)
{
    public TimeSpan Since(TimeSpan earlier) => Clock - earlier;
}
