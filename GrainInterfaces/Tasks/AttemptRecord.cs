namespace HiveMind.Tasks;

/// <summary>One attempt: its number is the fencing token.</summary>
[GenerateSerializer, Alias("HiveMind.AttemptRecord"), Immutable]
public sealed record AttemptRecord
{
    [Id(0)] public int Number { get; init; }
    [Id(1)] public string NodeId { get; init; } = "";
    [Id(2)] public string OwnerId { get; init; } = "";
    [Id(3)] public long Epoch { get; init; }
    [Id(4)] public DateTimeOffset AssignedAt { get; init; }
    [Id(5)] public DateTimeOffset? StartedAt { get; init; }
    [Id(6)] public DateTimeOffset? EndedAt { get; init; }
    [Id(7)] public string Cause { get; init; } = "";
    [Id(8)] public long RunMs { get; init; }
    /// <summary>What payer owes the node's owner for it, micro-credits.</summary>
    [Id(9)] public long DueMicros { get; init; }
    /// <summary>Counts towards Tasks:MaxAttempts.</summary>
    [Id(10)] public bool Counts { get; init; }
    /// <summary>The program's, when it ended by itself.</summary>
    [Id(11)] public int ExitCode { get; init; }
    /// <summary>As the worker measured it; 0: not known.</summary>
    [Id(12)] public long MemoryPeakMb { get; init; }
    [Id(13)] public long CpuMs { get; init; }
    /// <summary>At its grant.</summary>
    [Id(14)] public ClockReading Granted { get; init; }
    /// <summary>What its grant left of the total timeout; zero: there is none, or the record is from before this was noted.</summary>
    [Id(15)] public TimeSpan TotalLeft { get; init; }
    /// <summary>That ended the program; 0: none, or the record is from before this was told.</summary>
    [Id(16)] public int TermSignal { get; init; }
}
