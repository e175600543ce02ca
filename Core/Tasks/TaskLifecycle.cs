using System.Globalization;
using HiveMind.Nodes;
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
        [TaskState.Pending] = [TaskState.Assigned, TaskState.Cancelled, TaskState.TimedOut],
        [TaskState.Assigned] = [TaskState.Pending, TaskState.Completed, TaskState.Failed, TaskState.Cancelled, TaskState.TimedOut],
        [TaskState.Completed] = [],
        [TaskState.Failed] = [],
        [TaskState.Cancelled] = [],
        [TaskState.TimedOut] = [],
    };

    public static bool CanGo(TaskState from, TaskState to) => Next.TryGetValue(from, out var allowed) && allowed.Contains(to);

    public static TaskRecord Birth(TaskSpec spec, DateTimeOffset now, ClockReading reading = default) =>
        new() { Spec = spec, State = TaskState.Pending, CreatedAt = now, NotBefore = now, Born = reading };

    /// <summary>The next attempt, on that node; null unless the task waits. Whether its time to start is over says <see cref="Expire(TaskRecord, TaskTiming)"/>.</summary>
    public static TaskRecord? Grant(TaskRecord task, string nodeId, string ownerId, long epoch, DateTimeOffset now, TimeSpan? age = null, ClockReading reading = default)
    {
        if (!CanGo(task.State, TaskState.Assigned)) return null;
        var attempt = new AttemptRecord
        {
            Number = task.AttemptsMade + 1, NodeId = nodeId, OwnerId = ownerId, Epoch = epoch, AssignedAt = now, Granted = reading,
            TotalLeft = TaskDeadlines.TotalLeft(task, age ?? now - task.CreatedAt) is { Ticks: > 0 } left ? left : TimeSpan.Zero,
        };
        return task with { State = TaskState.Assigned, Attempts = [.. task.Attempts, attempt] };
    }

    /// <summary>Is this the attempt that runs now, on that node? Everything else is stale.</summary>
    public static bool IsCurrent(TaskRecord task, string nodeId, int attempt) =>
        task.Current is { } current && current.Number == attempt && current.NodeId == nodeId;

    /// <summary>The report that ended an attempt, told once more: its answer got lost.</summary>
    public static bool IsRepeated(TaskRecord task, string nodeId, TaskOutcomeReport report)
    {
        var told = task.Attempts.FirstOrDefault(attempt => attempt.Number == report.Attempt);
        if (told is not { EndedAt: not null } || told.NodeId != nodeId || told.ExitCode != report.ExitCode) return false;
        if (told.Cause != report.Cause && !(told.Cause == Causes.TotalTimeout && report.Cause == Causes.RunTimeout)) return false;
        var isOutcome = task.Outcome is not null && ReferenceEquals(told, task.Attempts[^1]);
        return !isOutcome || task.Outcome!.Result.Sha256 == report.Result.Sha256;
    }

    /// <summary>
    /// The current attempt ended. A cause that is the worker's own sends the task back, and so does one that the submitter calls
    /// retryable, while there are attempts and time left; all others are the outcome.
    /// </summary>
    public static TaskRecord End(TaskRecord task, TaskOutcomeReport report, TaskTiming at) => report.Cause is Causes.WorkerFault or Causes.WorkerRefused
        ? Lose(task, report.Cause, !(report is { Cause: Causes.WorkerRefused, HandedBack: true }), report.ErrorMessage, at)
        : Conclude(task, report, Measured(task, report.RunMs, at), at);

    /// <summary>The machine failed the task: it waits again after a pause, or ends. Nothing is owed.</summary>
    public static TaskRecord Lose(TaskRecord task, string cause, bool counts, string message, TaskTiming at)
    {
        var closed = Close(task, cause, counts || UncountedEnds(task) >= MostUncounted, at);
        counts = closed.Attempts[^1].Counts;
        var (retry, counted) = (closed.Spec!.Retry, Counted(closed));
        if (cause == Causes.NodeLost && counts && LostNodes(closed) is var nodes && at.Policy.CrashLimit > 0 && nodes.Count >= at.Policy.CrashLimit)
            return Ended(closed, TaskState.Failed, Causes.CrashLimit,
                $"{nodes.Count} machines were lost while they ran it, which may well be its own doing: {string.Join(", ", nodes)}.", at.Now);
        if (!RetryPolicy.IsRetryable(retry, cause, counts))
            return Ended(closed, TaskState.Failed, cause, cause == Causes.HubAway
                ? $"The hub was away while it ran on {closed.Attempts[^1].NodeId}, the run is gone, and it asked for no other attempt after that."
                : $"Its machine {closed.Attempts[^1].NodeId} is gone, and it asked for no other attempt after that.", at.Now);
        if (counted >= RetryPolicy.MaxAttempts(retry, at.Policy.MaxAttempts))
            return Ended(closed, TaskState.Failed, cause,
                $"{counted} attempts ended without an outcome, the last by {cause}{(message.Length > 0 ? $": {message}" : "")}.", at.Now);
        return Waiting(closed, lost: true, at)
            ?? Ended(closed, TaskState.TimedOut, Causes.TotalTimeout, TooLate(closed, "no other attempt could start within it"), at.Now);
    }

    /// <summary>Null when it has ended. A waiting task just ends; a running one is paid for the time its program ran.</summary>
    public static TaskRecord? Cancel(TaskRecord task, TaskTiming at)
    {
        if (!CanGo(task.State, TaskState.Cancelled)) return null;
        var closed = task.Current is null ? task : Close(task, Causes.Cancelled, true, at, at.RanOf() ?? TimeSpan.Zero);
        return Ended(closed, TaskState.Cancelled, Causes.Cancelled, "Cancelled by its submitter.", at.Now);
    }

    /// <summary>It waits and its time to start is over: the end. Null otherwise.</summary>
    public static TaskRecord? Expire(TaskRecord task, DateTimeOffset now) => Expire(task, now, now - task.CreatedAt);

    /// <summary>The same by how long it has waited.</summary>
    public static TaskRecord? Expire(TaskRecord task, TaskTiming at) => Expire(task, at.Now, at.AgeOf(task));

    private static TaskRecord? Expire(TaskRecord task, DateTimeOffset now, TimeSpan age)
    {
        if (task.State != TaskState.Pending || TaskDeadlines.StartWithin(task) is not { } within || age < within) return null;
        return TaskDeadlines.StartBy(task) == TaskDeadlines.Queue(task)
            ? Ended(task, TaskState.TimedOut, Causes.QueueDeadline, $"It was not started within its queue deadline of {Seconds(task.Spec!.QueueDeadline)}.", now)
            : Ended(task, TaskState.TimedOut, Causes.TotalTimeout, TooLate(task, "it was waiting when that was over"), now);
    }

    /// <summary>
    /// Its attempt should long be over and its worker does not end it: a timeout, as if it had. Null while that is not so. Nothing is owed: that a
    /// program ran all that time is only what a silent machine once claimed, and its worker would have said so at the limit.
    /// </summary>
    public static TaskRecord? Overdue(TaskRecord task, TaskTiming at)
    {
        if (task.Current is not { } current || TaskDeadlines.OverdueAfter(task) is not { } after || at.HeldOf(current) < after) return null;
        var report = new TaskOutcomeReport
        {
            TaskId = at.TaskId, Attempt = current.Number, Cause = Causes.RunTimeout,
            ErrorMessage = $"Its machine {current.NodeId} did not stop it after its {Seconds(TaskDeadlines.RunLimit(task))}, so the hub ended it.",
        };
        return Conclude(task, report, null, at);
    }

    /// <summary>Whether the same thing was asked for: the test of a repeated request id.</summary>
    public static bool SameContent(TaskSpec a, TaskSpec b) =>
        a.UserId == b.UserId && a.TaskType == b.TaskType && a.Payload.Sha256 == b.Payload.Sha256 && a.Resources == b.Resources && a.Labels == b.Labels && a.Priority == b.Priority
        && a.RunTimeout == b.RunTimeout && a.MaxOutputBytes == b.MaxOutputBytes && a.Arguments.SequenceEqual(b.Arguments) && a.StandardInput.AsSpan().SequenceEqual(b.StandardInput)
        && a.Environment.SequenceEqual(b.Environment) && a.Grace == b.Grace && a.Lease == b.Lease && a.StandardInputFile?.Sha256 == b.StandardInputFile?.Sha256
        && a.QueueDeadline == b.QueueDeadline && a.TotalTimeout == b.TotalTimeout && SameRetry(a.Retry, b.Retry);

    private static bool SameRetry(RetrySpec a, RetrySpec b) =>
        a.AnyFailure == b.AnyFailure && a.OnTimeout == b.OnTimeout && a.OnLostNode == b.OnLostNode && a.MaxAttempts == b.MaxAttempts
        && a.ExitCodes.SequenceEqual(b.ExitCodes);

    private static TaskRecord Conclude(TaskRecord task, TaskOutcomeReport report, TimeSpan? ran, TaskTiming at)
    {
        var cause = report.Cause == Causes.RunTimeout && TaskDeadlines.IsTotal(task, at.AgeOf(task)) ? Causes.TotalTimeout : report.Cause;
        var closed = Close(task, cause, true, at, ran, report);
        var retry = closed.Spec!.Retry;
        if (RetryPolicy.IsRetryable(retry, cause, report.RetryCode) && Counted(closed) < RetryPolicy.MaxAttempts(retry, at.Policy.MaxAttempts)
            && Waiting(closed, lost: false, at) is { } waiting) return waiting;
        var state = cause switch
        {
            Causes.Completed => TaskState.Completed,
            Causes.RunTimeout or Causes.TotalTimeout => TaskState.TimedOut,
            _ => TaskState.Failed,
        };
        var ended = Ended(closed, state, cause == Causes.Completed ? "" : cause, report.ErrorMessage, at.Now);
        return ended with { Outcome = ended.Outcome! with { ExitCode = report.ExitCode, TermSignal = report.TermSignal, Result = report.Result, Stderr = report.Stderr } };
    }

    /// <summary>The current attempt with its end; the task waits for what the caller makes of it. Paid for <paramref name="ran"/> at most, null: not.</summary>
    private static TaskRecord Close(
        TaskRecord task, string cause, bool counts, TaskTiming at, TimeSpan? ran = null, TaskOutcomeReport? report = null)
    {
        if (task.Current is not { } current) throw new InvalidOperationException($"A task that is {task.State} has no attempt to end.");
        var runMs = ran is { } measured ? RewardFormula.PayableMs(measured, report?.RunMs ?? 0, TaskDeadlines.RunLimit(task)) : 0;
        var closed = current with
        {
            StartedAt = at.StartedAt, EndedAt = at.Now, Cause = cause, RunMs = runMs, Counts = counts,
            DueMicros = ran is not null && RewardFormula.IsPaid(cause)
                ? Math.Min(RewardFormula.Micros(task.Spec!.Resources, runMs, at.Policy.Rates), HoldRule.Most(task)) : 0,
            ExitCode = report?.ExitCode ?? 0, MemoryPeakMb = report?.MemoryPeakMb ?? 0, CpuMs = report?.CpuMs ?? 0, TermSignal = report?.TermSignal ?? 0,
        };
        return task with { State = TaskState.Pending, Attempts = Kept([.. task.Attempts.Take(task.Attempts.Count - 1), closed]) };
    }

    /// <summary>
    /// What the hub measured of the run: from its start on where that was heard, else from the grant. A busy hub hears the start late, so a worker that
    /// says that it ran longer is believed that little more, and never more than since the grant. Where an earlier process or activation heard the
    /// beginning, the moments bound it, believed to within what clocks may differ by; the worker's own figure says the rest.
    /// </summary>
    private static TimeSpan Measured(TaskRecord task, long claimedMs, TaskTiming at)
    {
        var held = at.HeldOf(task.Current!);
        var measured = at.RanOf() is not { } ran ? held
            : claimedMs > 0 && held > ran ? TimeSpan.FromTicks(Math.Min(held.Ticks, (ran + HeldAttempt.LongestWay).Ticks)) : ran;
        if (!at.IsPartial || claimedMs <= 0) return measured;
        var atMost = at.Now - task.Current!.AssignedAt + ClockTrust.Trust;
        return measured > atMost ? measured : atMost;
    }

    /// <summary>
    /// Status, settlement and every write carry them, so of very many ends that count for nothing only the last are kept. What counts or is paid
    /// stays: the database knows an attempt by its number.
    /// </summary>
    private static IReadOnlyList<AttemptRecord> Kept(List<AttemptRecord> attempts)
    {
        for (var i = 0; attempts.Count > MostKept && i < attempts.Count - 1;)
        {
            if (attempts[i].Counts || attempts[i].DueMicros > 0) i++;
            else attempts.RemoveAt(i);
        }
        return attempts;
    }

    /// <summary>Null when its whole time is over before the next attempt could begin.</summary>
    private static TaskRecord? Waiting(TaskRecord closed, bool lost, TaskTiming at)
    {
        var pause = RetryPolicy.Pause(at.TaskId, closed.AttemptsMade, Counted(closed), lost, UncountedEnds(closed));
        return pause >= TaskDeadlines.TotalLeft(closed, at.AgeOf(closed)) ? null : closed with { NotBefore = at.Now + pause };
    }

    private static TaskRecord Ended(TaskRecord task, TaskState state, string reason, string message, DateTimeOffset now) =>
        task with { State = state, Outcome = new OutcomeRecord { Reason = reason, ErrorMessage = message, EndedAt = now } };

    /// <summary>Ends that count for nothing: a worker that leaves, a hub that was away. After so many they count like any other.</summary>
    public const int MostUncounted = 20;
    private const int MostKept = 50;

    private static int UncountedEnds(TaskRecord task) => task.AttemptsMade - Counted(task) - (task.Current is null ? 0 : 1);

    private static int Counted(TaskRecord task) => task.Attempts.Count(attempt => attempt.Counts);

    /// <summary>The different machines that were lost under it, in their order. One that was removed or drained says nothing of the task.</summary>
    private static List<string> LostNodes(TaskRecord task) =>
        [.. task.Attempts.Where(attempt => attempt is { Cause: Causes.NodeLost, Counts: true }).Select(attempt => attempt.NodeId).Distinct(StringComparer.Ordinal)];

    private static string TooLate(TaskRecord task, string how)
    {
        var last = task.Attempts.Count == 0 ? "" : $" Its last attempt ended by {task.Attempts[^1].Cause}.";
        return $"It did not end within its total timeout of {Seconds(task.Spec!.TotalTimeout)}: {how}.{last}";
    }

    private static string Seconds(TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.###} s");
}
