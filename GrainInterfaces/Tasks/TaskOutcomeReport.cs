using Orleans.Concurrency;

namespace HiveMind.Tasks;

[GenerateSerializer, Alias("HiveMind.TaskOutcomeReport"), Immutable]
public sealed record TaskOutcomeReport
{
    [Id(0)] public required string TaskId { get; init; }
    [Id(1)] public required int Attempt { get; init; }
    /// <summary>True: its program began. False: it ended, and the rest is set.</summary>
    [Id(2)] public bool IsStart { get; init; }
    [Id(3)] public int ExitCode { get; init; }
    /// <summary>One of <see cref="Causes"/>.</summary>
    [Id(4)] public string Cause { get; init; } = Causes.Completed;
    [Id(5)] public string ErrorMessage { get; init; } = "";
    [Id(6)] public long RunMs { get; init; }
    [Id(7)] public BlobRef Result { get; init; } = BlobRef.Empty;
    [Id(8)] public BlobRef Stderr { get; init; } = BlobRef.Empty;
    /// <summary>As the worker measured it; 0: not known.</summary>
    [Id(9)] public long MemoryPeakMb { get; init; }
    [Id(10)] public long CpuMs { get; init; }
    /// <summary>Its node says so, not the worker: handed back by a worker that had said before that it leaves.</summary>
    [Id(11)] public bool HandedBack { get; init; }
    /// <summary>That ended the program; 0: none.</summary>
    [Id(12)] public int TermSignal { get; init; }

    /// <summary>As a shell says it, which is what a submitter names for a retry.</summary>
    public int RetryCode => TermSignal > 0 ? 128 + TermSignal : ExitCode;
}
