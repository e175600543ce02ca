using HiveMind.Edge;
using HiveMind.Scheduling;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>What a submission may contain. Pure; every problem at once.</summary>
internal static class TaskRules
{
    public const double MaxCores = 4096;
    public const long MaxMemoryMb = 64L * 1024 * 1024;
    public const long MaxDiskMb = 1024L * 1024 * 1024;
    public const int MaxGpus = 1024, MaxGpuModel = LabelText.MaxCompared;
    public const long MaxTimeoutSeconds = 7 * 24 * 3600;
    public const long MaxDeadlineSeconds = 4 * MaxTimeoutSeconds;
    private const int MaxRetryCodes = 64, MaxRetries = 20, MaxGraceSeconds = 300, MaxLeaseSeconds = 24 * 3600;
    private const int MaxArguments = 256, MaxArgumentBytes = 64 * 1024, MaxInputBytes = 64 * 1024, MaxRequestId = 128;
    private static readonly string[] Known = ["python", "docker", "ml_inference"];

    public static IReadOnlyList<FieldProblem> Check(Wire.SubmitTaskRequest request, TaskOptions options)
    {
        var problems = new FieldProblems()
            .Require(IsKnownType(request.TaskType, options), "task_type", $"One of: {string.Join(", ", Types(options))}.")
            .Require(request.TaskData.Length <= Limits.PayloadBytes, "task_data", $"The program: 1 byte to {Limits.PayloadBytes >> 20} MiB.")
            .Require(request.TaskData.Length > 0 || request.PayloadSha256.Length > 0, "task_data", $"The program: 1 byte to {Limits.PayloadBytes >> 20} MiB; or payload_sha256.")
            .Require(request.TaskData.Length == 0 || request.PayloadSha256.Length == 0, "payload_sha256", "Either task_data or payload_sha256.")
            .Require(request.PayloadSha256.Length == 0 || IsHash(request.PayloadSha256), "payload_sha256", "64 lower-case hex digits.")
            .Require(request.PayloadSha256.Length == 0 ? request.PayloadSize == 0 : request.PayloadSize > 0, "payload_size", "The size of payload_sha256, and only with it.")
            .Require(Enum.IsDefined(request.Priority), "priority", "NORMAL, LOW, HIGH or URGENT.")
            .Require(Text.IsPlain(request.RequestId, MaxRequestId), "request_id", "Up to 128 characters, none of them a control character or invisible.")
            .Require(request.Arguments.Count <= MaxArguments, "arguments", "Up to 256.")
            .Require(request.Arguments.Sum(Text.Bytes) <= MaxArgumentBytes, "arguments", "Up to 64 KiB together.")
            .Require(!request.Arguments.Any(a => a.Contains('\0')), "arguments", "No NUL characters.")
            .Require(request.StandardInput.Length <= MaxInputBytes, "standard_input", "Up to 64 KiB.")
            .Require(request.StandardInput.Length == 0 || request.StandardInputSha256.Length == 0, "standard_input_sha256", "Either standard_input or standard_input_sha256.")
            .Require(request.StandardInputSha256.Length == 0 || IsHash(request.StandardInputSha256), "standard_input_sha256", "64 lower-case hex digits.")
            .Require(request.StandardInputSha256.Length == 0 ? request.StandardInputSize == 0 : request.StandardInputSize > 0, "standard_input_size",
                "The size of standard_input_sha256, and only with it.")
            .Require(request.GraceSeconds is >= -1 and <= MaxGraceSeconds, "grace_seconds", "1 to 300; 0: 5; -1: at once.")
            .Require(request.LeaseSeconds is >= 0 and <= MaxLeaseSeconds, "lease_seconds", "0 (the pool's) to 86400, which is a day.")
            .Require(request.QueueDeadlineSeconds is >= 0 and <= MaxDeadlineSeconds, "queue_deadline_seconds", "0 (waits for ever) to 2419200, which is 28 days.")
            .Require(request.TotalTimeoutSeconds is >= 0 and <= MaxDeadlineSeconds, "total_timeout_seconds", "0 (no limit) to 2419200, which is 28 days.");
        TaskEnvironment.Check(request.Environment, problems);
        if (request.Retry is { } retry) Check(retry, problems);
        if (request.Requirements is { } asked) Check(asked, options, problems);
        return problems.Found;
    }

    /// <summary>What an upload may say of itself, in its header or when its position is asked.</summary>
    public static FieldProblems Check(long size, string sha256, string prefix, TaskOptions options) => new FieldProblems()
        .Require(size > 0 && size <= (long)options.MaxPayloadMb << 20, $"{prefix}size", $"1 byte to {options.MaxPayloadMb} MiB.")
        .Require(IsHash(sha256), $"{prefix}sha256", "64 lower-case hex digits.");

    public static IReadOnlyList<FieldProblem> Check(Wire.WatchTaskRequest request) => new FieldProblems()
        .Require(request.Attempt >= 0, "attempt", "0 or more.")
        .Require(request.StdoutPosition >= 0, "stdout_position", "0 or more.")
        .Require(request.StderrPosition >= 0, "stderr_position", "0 or more.")
        .Require(request.Attempt > 0 || (request.StdoutPosition == 0 && request.StderrPosition == 0), "attempt", "The attempt whose positions these are.")
        .Found;

    private static bool IsHash(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower);

    private static void Check(Wire.TaskRequirements asked, TaskOptions options, FieldProblems problems)
    {
        CheckSizes(asked, options, problems);
        var labels = TaskLabels.Problem(asked);
        problems.Require(labels.Length == 0, "requirements.labels", labels);
    }

    private static void CheckSizes(Wire.TaskRequirements asked, TaskOptions options, FieldProblems problems) => problems
        .Require(asked.MaxOutputMb >= 0 && asked.MaxOutputMb <= options.MaxOutputMb, "requirements.max_output_mb", $"0 (means {TaskSpec.DefaultMaxOutputMb}) to {options.MaxOutputMb}.")
        .Require(double.IsFinite(asked.CpuCores) && asked.CpuCores is >= 0 and <= MaxCores, "requirements.cpu_cores", "0 (means 1) to 4096.")
        .Require(asked.MemoryMb is >= 0 and <= MaxMemoryMb, "requirements.memory_mb", "0 (means 256) to 67108864.")
        .Require(asked.GpuCount is >= 0 and <= MaxGpus, "requirements.gpu_count", "0 to 1024; 0 with gpu_required, gpu_model or gpu_memory_mb means 1.")
        .Require(Text.IsPlain(asked.GpuModel, MaxGpuModel), "requirements.gpu_model", "Up to 128 characters, none of them a control character or invisible.")
        .Require(asked.GpuMemoryMb is >= 0 and <= MaxMemoryMb, "requirements.gpu_memory_mb", "0 (means any) to 67108864.")
        .Require(asked.DiskMb is >= 0 and <= MaxDiskMb, "requirements.disk_mb", "0 (reserves none) to 1073741824.")
        .Require(asked.TimeoutSeconds is >= 0 and <= MaxTimeoutSeconds, "requirements.timeout_seconds", "0 (means 3600) to 604800, which is 7 days.");

    private static void Check(Wire.TaskRetry retry, FieldProblems problems) => problems
        .Require(retry.ExitCodes.Count <= MaxRetryCodes, "retry.exit_codes", "Up to 64.")
        .Require(retry.ExitCodes.All(code => code is >= 1 and <= 255), "retry.exit_codes", "Each 1 to 255: exit code 0 is no failure.")
        .Require(retry.MaxAttempts is >= 0 and <= MaxRetries, "retry.max_attempts", "0 (as many as the pool allows) to 20.");

    public static bool IsKnownType(string type, TaskOptions options) => Types(options).Contains(type, StringComparer.Ordinal);

    private static IEnumerable<string> Types(TaskOptions options) => Known.Concat(options.Types).Concat(options.AllowNoop ? ["noop"] : []);
}
