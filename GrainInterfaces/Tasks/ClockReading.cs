namespace HiveMind.Tasks;

/// <summary>What a process's monotonic clock showed: comparable with what the same process reads later, and with nothing else.</summary>
[GenerateSerializer, Alias("HiveMind.ClockReading"), Immutable]
public readonly record struct ClockReading([property: Id(0)] long Process, [property: Id(1)] long Stamp);
