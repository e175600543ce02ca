using System.Diagnostics;
using Google.Protobuf;
using HiveMind.Edge;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Between the wire and the task contracts.</summary>
internal static class TaskMapping
{
    private const int DefaultMilliCores = 1000, DefaultMemoryMb = 256, DefaultTimeoutSeconds = 3600;

    public static TaskSpec ToSpec(Wire.SubmitTaskRequest request, Caller submitter, BlobRef payload, BlobRef? input = null) => new()
    {
        UserId = submitter.UserId,
        Role = submitter.Role,
        TaskType = request.TaskType,
        Payload = payload,
        Resources = ToResources(request.Requirements),
        Priority = (TaskPriority)request.Priority,
        RunTimeout = RunTimeout(request),
        Arguments = [.. request.Arguments],
        StandardInput = request.StandardInput.ToByteArray(),
        MaxOutputMb = (int)(request.Requirements?.MaxOutputMb ?? 0),
        Retry = ToRetry(request.Retry),
        QueueDeadline = TimeSpan.FromSeconds(request.QueueDeadlineSeconds),
        TotalTimeout = TimeSpan.FromSeconds(request.TotalTimeoutSeconds),
        Labels = (input is { Inline: null } ? TaskLabels.OnInputFiles(TaskLabels.Of(request.Requirements)) : TaskLabels.Of(request.Requirements)).ToString(),
        Environment = TaskEnvironment.Of(request.Environment),
        Grace = request.GraceSeconds == 0 ? null : TimeSpan.FromSeconds(Math.Max(0, request.GraceSeconds)),
        Lease = TimeSpan.FromSeconds(request.LeaseSeconds),
        StandardInputFile = input,
        TraceParent = Activity.Current is { Recorded: true, IdFormat: ActivityIdFormat.W3C, Id: { } id } ? id : "",
    };

    /// <summary>The same as far as it decides whether the task is let in.</summary>
    public static TaskAsk ToAsk(string taskId, Wire.SubmitTaskRequest request, Caller submitter) => new(
        taskId, ToResources(request.Requirements), RunTimeout(request), TimeSpan.FromSeconds(request.TotalTimeoutSeconds), ToRetry(request.Retry),
        (request.PayloadSha256.Length > 0 ? request.PayloadSize : request.TaskData.Length) + request.StandardInputSize)
    {
        IsUrgent = request.Priority == Wire.TaskPriority.Urgent,
        OnOwnMachines = request.Requirements is { Labels.Length: > 0 } && TaskLabels.IsForOwner(request.Requirements, submitter.Username),
    };

    private static TimeSpan RunTimeout(Wire.SubmitTaskRequest request) =>
        TimeSpan.FromSeconds(request.Requirements is { TimeoutSeconds: > 0 } asked ? asked.TimeoutSeconds : DefaultTimeoutSeconds);

    /// <summary>Thousandths of cores, rounded up but not for what binary fractions add. Who says what GPU wants one.</summary>
    public static ResourceRequest ToResources(Wire.TaskRequirements? asked) => new(
        asked is { CpuCores: > 0 } ? Math.Max(1, (int)Math.Ceiling(Math.Round(asked.CpuCores * 1000, 6))) : DefaultMilliCores,
        asked is { MemoryMb: > 0 } ? (int)asked.MemoryMb : DefaultMemoryMb,
        asked is { GpuCount: > 0 } ? asked.GpuCount : asked is { GpuRequired: true } or { GpuModel.Length: > 0 } or { GpuMemoryMb: > 0 } ? 1 : 0)
    {
        DiskMb = (int)(asked?.DiskMb ?? 0),
    };

    public static Wire.TaskRequirements ToRequirements(TaskSpec spec)
    {
        var shown = ToFields(spec);
        TaskLabels.Show(spec.Labels, shown);
        return shown;
    }

    private static Wire.TaskRequirements ToFields(TaskSpec spec) => new()
    {
        CpuCores = spec.Resources.MilliCores / 1000.0,
        MemoryMb = spec.Resources.MemoryMb,
        GpuRequired = spec.Resources.Gpus > 0,
        TimeoutSeconds = (long)spec.RunTimeout.TotalSeconds,
        MaxOutputMb = spec.MaxOutputBytes >> 20,
        GpuCount = spec.Resources.Gpus,
        DiskMb = spec.Resources.DiskMb,
    };

    /// <summary>In one order and each code once, so that saying the same otherwise is the same content.</summary>
    private static RetrySpec ToRetry(Wire.TaskRetry? asked) => asked is null ? RetrySpec.Default : new()
    {
        ExitCodes = [.. asked.ExitCodes.Distinct().Order()],
        AnyFailure = asked.AnyFailure,
        OnTimeout = asked.OnTimeout,
        OnLostNode = !asked.NotOnLostNode,
        MaxAttempts = asked.MaxAttempts,
    };

    private static Wire.TaskRetry ToWire(RetrySpec retry) => new()
    {
        ExitCodes = { retry.ExitCodes },
        AnyFailure = retry.AnyFailure,
        OnTimeout = retry.OnTimeout,
        NotOnLostNode = !retry.OnLostNode,
        MaxAttempts = retry.MaxAttempts,
    };

    /// <summary>The seed's four words.</summary>
    public static string ToWord(TaskState state) => state switch
    {
        TaskState.Pending => "pending",
        TaskState.Assigned or TaskState.Running => "running",
        TaskState.Completed => "completed",
        TaskStates.Unreadable => "unreadable",
        _ => "failed",
    };

    public static bool HasEnded(TaskState state) => state is not (TaskStates.Unreadable or TaskState.Pending or TaskState.Assigned or TaskState.Running);

    public static Wire.GetTaskStatusResponse ToStatus(TaskSnapshot task, WaitReason reason)
    {
        var answer = new Wire.GetTaskStatusResponse
        {
            Success = true,
            TaskId = task.TaskId,
            Status = ToWord(task.State),
            State = (Wire.TaskState)task.State,
            Reason = reason.Reason,
            ReasonText = reason.Text,
            UserId = task.Spec.UserId,
            TaskType = task.Spec.TaskType,
            CreatedAt = Rfc3339.Format(task.CreatedAt),
            StartedAt = Rfc3339.Format(task.StartedAt),
            CompletedAt = Rfc3339.Format(task.EndedAt),
            AssignedNode = task.NodeId ?? "",
            ErrorMessage = task.ErrorMessage,
            Attempt = task.Attempts.Count == 0 ? 0 : task.Attempts[^1].Attempt,
            MaxAttempts = task.MaxAttempts,
            Priority = (Wire.TaskPriority)task.Spec.Priority,
            Requirements = ToRequirements(task.Spec),
            CostCredits = Credits.ToCredits(task.CostMicros),
            Retry = ToWire(task.Spec.Retry),
            QueueDeadlineSeconds = (long)task.Spec.QueueDeadline.TotalSeconds,
            TotalTimeoutSeconds = (long)task.Spec.TotalTimeout.TotalSeconds,
            GraceSeconds = task.Spec.Grace == TimeSpan.Zero ? -1 : (int)(task.Spec.Grace ?? TaskSpec.DefaultGrace).TotalSeconds,
            LeaseSeconds = (long)task.Spec.Lease.TotalSeconds,
            StandardInputSize = task.Spec.StandardInputFile?.Size ?? task.Spec.StandardInput.Length,
            TermSignal = task.TermSignal,
        };
        answer.Environment.Add(TaskEnvironment.ToMap(task.Spec.Environment));
        answer.Attempts.AddRange(task.Attempts.Select(ToAttempt));
        if (!HasEnded(task.State)) return answer;
        if (task.HasExitCode) (answer.HasExitCode, answer.ExitCode) = (true, task.ExitCode);
        (answer.ResultSize, answer.ResultSha256, answer.StderrSize) = (task.Result.Size, task.Result.Sha256, task.Stderr.Size);
        return answer;
    }

    /// <summary>An open task, or one that has just ended, in the shape that the history has.</summary>
    public static ListedTask ToListed(TaskSnapshot task) => new()
    {
        Key = new TaskKey(task.CreatedAt.ToUnixTimeMilliseconds(), task.TaskId), UserId = task.Spec.UserId, TaskType = task.Spec.TaskType,
        State = task.State, Reason = task.Reason, StartedAt = task.StartedAt, EndedAt = task.EndedAt, NodeId = task.NodeId,
        Attempts = task.Attempts.Count == 0 ? 0 : task.Attempts[^1].Attempt, CostMicros = task.CostMicros,
    };

    /// <summary>Of a task whose record cannot be read a list shows what its place in the index says.</summary>
    /// <param name="place">Its own entry may be unreadable too.</param>
    /// <param name="userId">Whose list it stands in; null: everybody's.</param>
    public static ListedTask ToUnreadable(OpenTask place, string? userId) => new()
    {
        Key = place.Key, UserId = place.Task?.UserId ?? userId ?? "", TaskType = place.Task?.TaskType ?? "", State = TaskStates.Unreadable,
        Reason = "RECORD_UNREADABLE",
    };

    public static Wire.TaskSummary ToSummary(ListedTask task) => new()
    {
        TaskId = task.Key.TaskId,
        UserId = task.UserId,
        TaskType = task.TaskType,
        State = (Wire.TaskState)task.State,
        Status = ToWord(task.State),
        Reason = task.State == TaskState.Completed ? "" : task.Reason,
        CreatedAt = Rfc3339.Format(task.Key.CreatedAt),
        StartedAt = Rfc3339.Format(task.StartedAt),
        CompletedAt = Rfc3339.Format(task.EndedAt),
        AssignedNode = task.NodeId ?? "",
        Attempts = task.Attempts,
        CostCredits = Credits.ToCredits(task.CostMicros),
    };

    public static Wire.GetTaskResultResponse ToResult(TaskSnapshot task, byte[] result, byte[] stderr) => new()
    {
        Success = true,
        Status = ToWord(task.State),
        State = (Wire.TaskState)task.State,
        Reason = task.State == TaskState.Completed ? "" : task.Reason,
        Result = UnsafeByteOperations.UnsafeWrap(result),
        Stderr = UnsafeByteOperations.UnsafeWrap(stderr),
        ErrorMessage = task.ErrorMessage,
        HasExitCode = task.HasExitCode,
        ExitCode = task.HasExitCode ? task.ExitCode : 0,
        TermSignal = task.TermSignal,
        Sha256 = task.Result.Sha256,
    };

    private static Wire.TaskAttempt ToAttempt(AttemptSnapshot attempt) => new()
    {
        Attempt = attempt.Attempt,
        NodeId = attempt.NodeId,
        AssignedAt = Rfc3339.Format(attempt.AssignedAt),
        StartedAt = Rfc3339.Format(attempt.StartedAt),
        EndedAt = Rfc3339.Format(attempt.EndedAt),
        Cause = attempt.Cause,
        RunMs = attempt.RunMs,
        CostCredits = Credits.ToCredits(attempt.CostMicros),
        HasExitCode = attempt.HasExitCode,
        ExitCode = attempt.HasExitCode ? attempt.ExitCode : 0,
        TermSignal = attempt.TermSignal,
        MemoryPeakMb = attempt.MemoryPeakMb,
        CpuMs = attempt.CpuMs,
    };
}
