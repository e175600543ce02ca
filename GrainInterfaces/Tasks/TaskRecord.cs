namespace HiveMind.Tasks;

/// <summary>
/// The stored task. Version and ids are promises: fields are appended, never renumbered; committed golden records are read by a test.
/// Running is not stored: that the program began is memory, carried into the outcome.
/// </summary>
[GenerateSerializer, Alias("HiveMind.TaskRecord"), Immutable]
public sealed record TaskRecord : HiveMind.Persistence.IStoredRecord
{
    public const int CurrentVersion = 1;

    [Id(0)] public int Version { get; init; } = CurrentVersion;
    [Id(1)] public TaskSpec? Spec { get; init; }
    [Id(2)] public TaskState State { get; init; }
    [Id(3)] public DateTimeOffset CreatedAt { get; init; }
    [Id(4)] public DateTimeOffset NotBefore { get; init; }
    [Id(5)] public IReadOnlyList<AttemptRecord> Attempts { get; init; } = [];
    [Id(6)] public OutcomeRecord? Outcome { get; init; }
    /// <summary>At its submit.</summary>
    [Id(7)] public ClockReading Born { get; init; }

    public bool CanBeRead => Version is > 0 and <= CurrentVersion && Spec is not null;

    /// <summary>How many it has had: of very many only the last, and those that count or are paid, are kept.</summary>
    public int AttemptsMade => Attempts.Count == 0 ? 0 : Attempts[^1].Number;
    public bool IsEnded => Outcome is not null;
    public AttemptRecord? Current => Attempts.Count > 0 && Attempts[^1].EndedAt is null ? Attempts[^1] : null;
}

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

/// <summary>How it all ended; never changes once written.</summary>
[GenerateSerializer, Alias("HiveMind.OutcomeRecord"), Immutable]
public sealed record OutcomeRecord
{
    [Id(0)] public string Reason { get; init; } = "";
    [Id(1)] public string ErrorMessage { get; init; } = "";
    [Id(2)] public int ExitCode { get; init; }
    [Id(3)] public BlobRef Result { get; init; } = BlobRef.Empty;
    [Id(4)] public BlobRef Stderr { get; init; } = BlobRef.Empty;
    [Id(5)] public DateTimeOffset EndedAt { get; init; }
    [Id(6)] public int TermSignal { get; init; }
}
