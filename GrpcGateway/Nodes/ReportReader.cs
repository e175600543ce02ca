using System.Security.Cryptography;
using HiveMind.Edge;
using HiveMind.Faults;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Nodes;

/// <summary>A worker's report, checked and with its output turned into blobs. What a worker says is untrusted input.</summary>
internal sealed class ReportReader(IFiles files, OutputReceipts receipts)
{
    private const int MaxErrorMessage = 4096;

    private static readonly HashSet<string> Reasons =
        ["", Causes.ProgramFailed, Causes.RunTimeout, Causes.OutOfMemory, Causes.OutOfDisk, Causes.OutputTooLarge, Causes.WorkerFault, Causes.WorkerRefused];

    /// <summary>Throws InvalidRequestException. Inline output above the limit is refused; what is above 4 KiB becomes a file.</summary>
    public async Task<TaskOutcomeReport> Read(string nodeId, Wire.TaskReport report, int inlineLimit, CancellationToken cancel)
    {
        Check(report, inlineLimit).ThrowIfAny();
        var started = report.Kind == Wire.TaskReportKind.Started;
        return new TaskOutcomeReport
        {
            TaskId = report.TaskId,
            Attempt = report.Attempt,
            IsStart = started,
            ExitCode = report.ExitCode,
            Cause = CauseOf(report),
            ErrorMessage = Text.Visible(report.ErrorMessage, MaxErrorMessage),
            RunMs = report.RunMs,
            MemoryPeakMb = report.MemoryPeakMb,
            CpuMs = report.CpuMs,
            TermSignal = report.TermSignal,
            Result = started ? BlobRef.Empty : await Blob(nodeId, report, report.Result, "report.result", cancel),
            Stderr = started ? BlobRef.Empty : await Blob(nodeId, report, report.Stderr, "report.stderr", cancel),
        };
    }

    public static IReadOnlyList<FieldProblem> Check(Wire.TaskReport report, int inlineLimit) => new FieldProblems()
        .Require(TaskIds.IsValid(report.TaskId), "report.task_id", "32 lower-case hex digits.")
        .Require(report.Attempt >= 1, "report.attempt", "1 or more.")
        .Require(report.Kind is Wire.TaskReportKind.Started or Wire.TaskReportKind.Ended, "report.kind", "STARTED or ENDED.")
        .Require(Reasons.Contains(report.ErrorReason), "report.error_reason", "Empty or one of the words in nodepool.proto.")
        .Require(report.RunMs >= 0, "report.run_ms", "0 or more.")
        .Require(report.MemoryPeakMb >= 0, "report.memory_peak_mb", "0 or more.")
        .Require(report.CpuMs >= 0, "report.cpu_ms", "0 or more.")
        .Require(report.TermSignal is >= 0 and <= 64, "report.term_signal", "0 (none) to 64.")
        .Require(Fits(report.Result, inlineLimit), "report.result", $"Up to {inlineLimit} bytes inline: send more with SendOutput.")
        .Require(Fits(report.Stderr, inlineLimit), "report.stderr", $"Up to {inlineLimit} bytes inline: send more with SendOutput.")
        .Found;

    public static string CauseOf(Wire.TaskReport report) =>
        report.ErrorReason.Length > 0 ? report.ErrorReason : report is { ExitCode: 0, TermSignal: 0 } ? Causes.Completed : Causes.ProgramFailed;

    private static bool Fits(Wire.OutputRef? output, int inlineLimit) => output is null || output.Inline.Length <= inlineLimit;

    private async Task<BlobRef> Blob(string nodeId, Wire.TaskReport report, Wire.OutputRef? output, string field, CancellationToken cancel)
    {
        if (output is null) return BlobRef.Empty;
        if (output.Sha256.Length > 0)
        {
            return receipts.Redeem(nodeId, report.TaskId, report.Attempt, output.Sha256, output.Size, output.Receipt.Span)
                ?? throw new InvalidRequestException([new FieldProblem($"{field}.receipt", "Not the receipt of these bytes for this attempt.")]);
        }
        if (output.Inline.IsEmpty) return BlobRef.Empty;
        if (output.Inline.Length <= BlobRef.InlineLimit)
            return new BlobRef(output.Inline.Length, Convert.ToHexStringLower(SHA256.HashData(output.Inline.Span)), output.Inline.ToByteArray());
        var blob = await files.Write(output.Inline.Memory, cancel);
        Failpoint.Hit(Failpoints.EndAfterFile);
        return blob;
    }
}
