using System.Text;
using HiveMind.Protos;
using HiveMind.Tasks;
using TaskState = HiveMind.Protos.TaskState;

namespace HiveMind.Cli;

/// <summary>Tasks as the JSON that scripts read. Names are a promise: append only.</summary>
internal static class TaskShapes
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static object Status(GetTaskStatusResponse task) => new
    {
        task.TaskId,
        task.Status,
        State = StateWord(task.State),
        task.Reason,
        task.ReasonText,
        task.TaskType,
        Priority = task.Priority.ToString().ToLowerInvariant(),
        task.CreatedAt,
        task.StartedAt,
        task.CompletedAt,
        task.AssignedNode,
        task.ErrorMessage,
        task.Attempt,
        task.MaxAttempts,
        task.CostCredits,
        ExitCode = ProgramEnd.Of(task).ExitCode,
        task.ResultSize,
        task.ResultSha256,
        task.StderrSize,
        Attempts = task.Attempts.Select(attempt => new
        {
            attempt.Attempt, attempt.NodeId, attempt.AssignedAt, attempt.StartedAt, attempt.EndedAt, attempt.Cause, attempt.RunMs,
            attempt.CostCredits, ProgramEnd.Of(attempt).ExitCode, attempt.MemoryPeakMb, attempt.CpuMs, TermSignal = ProgramEnd.Of(attempt).Signal,
            CauseText = CauseTexts.For(attempt.Cause),
        }),
        Retry = new
        {
            ExitCodes = task.Retry?.ExitCodes.ToArray() ?? [],
            AnyFailure = task.Retry?.AnyFailure ?? false,
            OnTimeout = task.Retry?.OnTimeout ?? false,
            OnLostNode = !(task.Retry?.NotOnLostNode ?? false),
        },
        task.QueueDeadlineSeconds,
        task.TotalTimeoutSeconds,
        TermSignal = ProgramEnd.Of(task).Signal,
        GraceSeconds = Math.Max(0, task.GraceSeconds),
        Environment = new SortedDictionary<string, string>(task.Environment, StringComparer.Ordinal),
        task.StandardInputSize,
        task.LeaseSeconds,
    };

    /// <summary>A piece of output, as `watch` says it.</summary>
    public static object Output(WatchOutput output) => new
    {
        Event = "output",
        output.Attempt,
        output.Stream,
        output.Position,
        Text = Text(output.Data.Span),
        Base64 = Text(output.Data.Span) is null ? output.Data.ToBase64() : null,
    };

    /// <summary>An output that was written to a file.</summary>
    public static object Saved(GetTaskStatusResponse task, string file, DownloadHeader output) => new
    {
        task.TaskId, task.Status, State = StateWord(task.State), task.Reason, ProgramEnd.Of(task).ExitCode, task.ErrorMessage, File = file, output.Size, output.Sha256,
        TermSignal = ProgramEnd.Of(task).Signal,
    };

    /// <summary>A task as lists show it.</summary>
    public static object Summary(TaskSummary task) => new
    {
        task.TaskId, task.UserId, task.TaskType, task.Status, State = StateWord(task.State), task.Reason, task.CreatedAt, task.StartedAt,
        task.CompletedAt, task.AssignedNode, task.Attempts, task.CostCredits,
    };

    /// <summary>Output as text where it is text, else as base64.</summary>
    public static object Result(string taskId, GetTaskResultResponse result) => new
    {
        TaskId = taskId,
        result.Status,
        State = StateWord(result.State),
        result.Reason,
        ProgramEnd.Of(result).ExitCode,
        result.ErrorMessage,
        result.Sha256,
        Stdout = Text(result.Result.Span),
        StdoutBase64 = Text(result.Result.Span) is null ? result.Result.ToBase64() : null,
        Stderr = Text(result.Stderr.Span),
        StderrBase64 = Text(result.Stderr.Span) is null ? result.Stderr.ToBase64() : null,
        TermSignal = ProgramEnd.Of(result).Signal,
    };

    /// <summary>"timed_out" for TASK_STATE_TIMED_OUT.</summary>
    public static string StateWord(TaskState state) =>
        state == TaskState.Unspecified ? "unreadable" : Words.UpperSnake(state.ToString()).ToLowerInvariant(); // the hub cannot read its record

    private static string? Text(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
