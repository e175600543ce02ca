namespace HiveMind.Tasks;

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
