using HiveMind.Rewards;
using HiveMind.Scheduling;

namespace HiveMind.Tasks;

/// <summary>The record as others need it.</summary>
public static class TaskRecordMapping
{
    public static PendingTask ToPending(this TaskRecord task, string taskId) =>
        new(taskId, task.Spec!.UserId, task.Spec.TaskType, task.Spec.Priority, task.Spec.Resources, task.CreatedAt, task.NotBefore)
        {
            RunTimeout = task.Spec.RunTimeout, Role = task.Spec.Role, Labels = task.Spec.Labels, StartBy = TaskDeadlines.StartBy(task),
            HoldMicros = HoldRule.Held(task), PayloadBytes = task.Spec.FileBytes, FailedOn = RetryElsewhere.FailedOn(task.Attempts),
        };

    public static TaskSnapshot ToSnapshot(this TaskRecord task, string taskId, DateTimeOffset? startedAt, int maxAttempts) => new()
    {
        TaskId = taskId, Spec = task.Spec!, State = task.State == TaskState.Assigned && startedAt is not null ? TaskState.Running : task.State,
        Reason = task.Outcome?.Reason ?? "", ErrorMessage = task.Outcome?.ErrorMessage ?? "", CreatedAt = task.CreatedAt,
        StartedAt = task.Attempts.Count == 0 ? null : task.Attempts[^1].StartedAt ?? startedAt, EndedAt = task.Outcome?.EndedAt,
        NodeId = task.State == TaskState.Pending || task.Attempts.Count == 0 ? null : task.Attempts[^1].NodeId,
        Attempts = [.. task.Attempts.Select(a => new AttemptSnapshot(
            a.Number, a.NodeId, a.AssignedAt, a.StartedAt ?? (a.EndedAt is null ? startedAt : null), a.EndedAt, a.Cause, a.RunMs, a.DueMicros)
        {
            ExitCode = a.ExitCode, MemoryPeakMb = a.MemoryPeakMb, CpuMs = a.CpuMs, TermSignal = a.TermSignal,
        })],
        MaxAttempts = RetryPolicy.MaxAttempts(task.Spec!.Retry, maxAttempts), ExitCode = task.Outcome?.ExitCode ?? 0, Result = task.Outcome?.Result ?? BlobRef.Empty,
        Stderr = task.Outcome?.Stderr ?? BlobRef.Empty, CostMicros = task.Attempts.Sum(a => a.DueMicros),
        TermSignal = task.Outcome?.TermSignal ?? 0,
    };

    public static Settlement ToSettlement(this TaskRecord task, string taskId)
    {
        var last = task.Attempts.Count == 0 ? null : task.Attempts[^1];
        var dues = task.Attempts.Where(a => RewardFormula.IsPaid(a.Cause) && (a.RunMs > 0 || a.Cause != Causes.Cancelled))
            .Select(a => new AttemptDue(a.Number, a.NodeId, task.Spec!.UserId, a.OwnerId, a.DueMicros, a.RunMs, a.Cause == Causes.Completed));
        return new(taskId, task.Spec!.UserId, task.Spec.TaskType, task.State, task.Outcome!.Reason, task.CreatedAt, last?.StartedAt, task.Outcome.EndedAt,
            last?.NodeId, task.AttemptsMade, task.Outcome.Result.Sha256, task.Outcome.Result.Size, [.. dues])
        {
            StderrSha256 = task.Outcome.Stderr.Sha256, StderrSize = task.Outcome.Stderr.Size,
        };
    }
}
