namespace HiveMind.Workers.Runs;

/// <summary>Runs the programs of one task type.</summary>
public interface IRunner
{
    string TaskType { get; }
    /// <summary>Folders in which a run is started already, as far as that can be done without knowing it; null: there are none.</summary>
    ValueTask<RunPlace?> TakeWarm() => ValueTask.FromResult<RunPlace?>(null);
    /// <summary>
    /// Runs it to its end. <paramref name="began"/> is called once, when the program runs. Cancelling kills it at once; the task then ends when
    /// nothing of it is left. <see cref="RunRequest.Stop"/> asks first.
    /// </summary>
    Task<RunResult> Run(RunRequest request, Action began, CancellationToken kill);
}

/// <summary>One attempt, ready to run.</summary>
public sealed record RunRequest
{
    public required string TaskId { get; init; }
    public required int Attempt { get; init; }
    /// <summary>Its folders; the payload is already in <see cref="RunPlace.Program"/>.</summary>
    public required RunPlace Place { get; init; }
    public IReadOnlyList<string> Arguments { get; init; } = [];
    public ReadOnlyMemory<byte> StandardInput { get; init; }
    /// <summary>The file that is its standard input; null: it is <see cref="StandardInput"/>.</summary>
    public string? StandardInputPath { get; init; }
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
    public double Cores { get; init; } = 1;
    public long MemoryMb { get; init; } = 256;
    /// <summary>Its part of the disk.</summary>
    public DiskClaim Disk { get; init; } = DiskClaim.None;
    /// <summary>The GPUs that are its own while it runs, by the driver's ids.</summary>
    public IReadOnlyList<string> Gpus { get; init; } = [];
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(1);
    /// <summary>Asks it to end: SIGTERM, then SIGKILL after <see cref="Grace"/>.</summary>
    public CancellationToken Stop { get; init; }
    /// <summary>From SIGTERM to SIGKILL, where it is asked to end and when its time is over; 0: at once.</summary>
    public TimeSpan Grace { get; init; } = DefaultGrace;
    /// <summary>Standard output (and error) above this ends the run; the head is kept.</summary>
    public long MaxOutputBytes { get; init; } = DefaultMaxOutputBytes;

    public const long DefaultMaxOutputBytes = Protos.ProtocolLimits.DefaultMaxOutputMb * 1024L * 1024;

    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(5);

    public async Task WriteStandardInput(Stream stdin, CancellationToken cancel)
    {
        if (StandardInputPath is null)
        {
            await stdin.WriteAsync(StandardInput, cancel);
            return;
        }
        await using var file = new FileStream(StandardInputPath, FileMode.Open, FileAccess.Read, FileShare.Read);
        await file.CopyToAsync(stdin, cancel);
    }
}

/// <summary>
/// How a run ended. No reason and exit code 0: completed. Its output is in the files of its place. No exit code: a signal ended it, or it
/// never ran.
/// </summary>
public sealed record RunResult(int? ExitCode, string Reason, string Message, long RunMs, long MemoryPeakMb, long CpuMs = 0, int Signal = 0)
{
    public static RunResult Fault(string message) => new(null, RunReasons.WorkerFault, message, 0, 0);
}

/// <summary>The stable words by which a report says why a run did not complete.</summary>
public static class RunReasons
{
    public const string ProgramFailed = "PROGRAM_FAILED", RunTimeout = "RUN_TIMEOUT", OutOfMemory = "OUT_OF_MEMORY",
        OutOfDisk = "OUT_OF_DISK", OutputTooLarge = "OUTPUT_TOO_LARGE", WorkerFault = "WORKER_FAULT", WorkerRefused = "WORKER_REFUSED";
}
