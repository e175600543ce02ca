using HiveMind.Rewards;

namespace HiveMind.Tasks;

/// <summary>
/// The life of a task as pure transitions: record in, record out. `docs/task-lifecycle.md` draws it.
/// A refusal never changes anything, and an ended task never changes again.
/// </summary>
public static class TaskLifecycle
{
    private static readonly Dictionary<TaskState, TaskState[]> Next = new()
    {
        [TaskState.Pending] = [TaskState.Assigned, TaskState.Cancelled],
        [TaskState.Assigned] = [TaskState.Pending, TaskState.Completed, TaskState.Failed, TaskState.Cancelled, TaskState.TimedOut],
        [TaskState.Completed] = [],
        [TaskState.Failed] = [],
        [TaskState.Cancelled] = [],
        [TaskState.TimedOut] = [],
    };

    public static bool CanGo(TaskState from, TaskState to) => Next.TryGetValue(from, out var allowed) && allowed.Contains(to);

    public static TaskRecord Birth(TaskSpec spec, DateTimeOffset now) =>
        new() { Spec = spec, State = TaskState.Pending, CreatedAt = now, NotBefore = now };

    /// <summary>The next attempt, on that node; null unless the task waits.</summary>
    public static TaskRecord? Grant(TaskRecord task, string nodeId, string ownerId, long epoch, DateTimeOffset now)
    {
        if (!CanGo(task.State, TaskState.Assigned)) return null;
        var attempt = new AttemptRecord
        {
            Number = task.Attempts.Count + 1, NodeId = nodeId, OwnerId = ownerId, Epoch = epoch, AssignedAt = now,
        };
        return task with { State = TaskState.Assigned, Attempts = [.. task.Attempts, attempt] };
    }

    /// <summary>Is this the attempt that runs now, on that node? Everything else is stale.</summary>
    public static bool IsCurrent(TaskRecord task, string nodeId, int attempt) =>
        task.Current is { } current && current.Number == attempt && current.NodeId == nodeId;

    /// <summary>The report that ended this task, told once more: its answer got lost.</summary>
    public static bool IsRepeated(TaskRecord task, string nodeId, TaskOutcomeReport report) =>
        task.Attempts.Count > 0 && task.Attempts[^1] is { } last && last.Number == report.Attempt && last.NodeId == nodeId
        && last.EndedAt is not null && last.Cause == report.Cause && task.Outcome is { } outcome && outcome.Result.Sha256 == report.Result.Sha256;

    /// <summary>The current attempt ended. A cause that is the worker's own sends the task back; all others are the outcome.</summary>
    public static TaskRecord End(TaskRecord task, TaskOutcomeReport report, DateTimeOffset? startedAt, DateTimeOffset now, RewardRates rates, int maxAttempts)
    {
        if (report.Cause is Causes.WorkerFault or Causes.WorkerRefused) return Lose(task, report.Cause, true, report.ErrorMessage, startedAt, now, maxAttempts);
        var state = report.Cause switch
        {
            Causes.Completed => TaskState.Completed,
            Causes.RunTimeout => TaskState.TimedOut,
            _ => TaskState.Failed,
        };
        var outcome = new OutcomeRecord
        {
            Reason = report.Cause == Causes.Completed ? "" : report.Cause, ErrorMessage = report.ErrorMessage, ExitCode = report.ExitCode,
            Result = report.Result, Stderr = report.Stderr, EndedAt = now,
        };
        return Close(task, state, report.Cause, startedAt, startedAt ?? task.Current!.AssignedAt, report.RunMs, now, rates, true) with { Outcome = outcome };
    }

    /// <summary>Null when it has ended. A waiting task just ends; a running one is paid for the time its program ran.</summary>
    public static TaskRecord? Cancel(TaskRecord task, DateTimeOffset? startedAt, DateTimeOffset now, RewardRates rates)
    {
        if (!CanGo(task.State, TaskState.Cancelled)) return null;
        var outcome = new OutcomeRecord { Reason = Causes.Cancelled, ErrorMessage = "Cancelled by its submitter.", EndedAt = now };
        if (task.Current is null) return task with { State = TaskState.Cancelled, Outcome = outcome };
        return Close(task, TaskState.Cancelled, Causes.Cancelled, startedAt, startedAt ?? now, 0, now, rates, true) with { Outcome = outcome };
    }

    /// <summary>The machine failed the task: it waits again after a pause, or fails after its last attempt. Nothing is owed.</summary>
    public static TaskRecord Lose(
        TaskRecord task, string cause, bool counts, string message, DateTimeOffset? startedAt, DateTimeOffset now, int maxAttempts)
    {
        var closed = Close(task, TaskState.Pending, cause, startedAt, now, 0, now, null, counts);
        var counted = closed.Attempts.Count(attempt => attempt.Counts);
        if (counted < maxAttempts) return closed with { NotBefore = now + RetryPolicy.Pause(counted) };
        var text = $"{counted} attempts ended without an outcome, the last by {cause}{(message.Length > 0 ? $": {message}" : "")}.";
        return closed with { State = TaskState.Failed, Outcome = new OutcomeRecord { Reason = cause, ErrorMessage = text, EndedAt = now } };
    }

    /// <summary>Whether the same thing was asked for: the test of a repeated request id.</summary>
    public static bool SameContent(TaskSpec a, TaskSpec b) =>
        a.UserId == b.UserId && a.TaskType == b.TaskType && a.Payload.Sha256 == b.Payload.Sha256 && a.Resources == b.Resources && a.Labels == b.Labels && a.Priority == b.Priority
        && a.RunTimeout == b.RunTimeout && a.MaxOutputBytes == b.MaxOutputBytes && a.Arguments.SequenceEqual(b.Arguments) && a.StandardInput.AsSpan().SequenceEqual(b.StandardInput);

    private static TaskRecord Close(
        TaskRecord task, TaskState state, string cause, DateTimeOffset? startedAt, DateTimeOffset ranFrom, long claimedMs, DateTimeOffset now,
        RewardRates? rates, bool counts)
    {
        if (!CanGo(task.State, state) || task.Current is not { } current) throw new InvalidOperationException($"No way from {task.State} to {state}.");
        var runMs = RewardFormula.PayableMs(now - ranFrom, claimedMs, task.Spec!.RunTimeout);
        var closed = current with
        {
            StartedAt = startedAt, EndedAt = now, Cause = cause, RunMs = runMs, Counts = counts,
            DueMicros = rates is not null && RewardFormula.IsPaid(cause) ? RewardFormula.Micros(task.Spec.Resources, runMs, rates) : 0,
        };
        return task with { State = state, Attempts = [.. task.Attempts.Take(task.Attempts.Count - 1), closed] };
    }
}
