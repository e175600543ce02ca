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
