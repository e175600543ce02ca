using HiveMind.Rewards;
using HiveMind.Scheduling;
using Orleans.Concurrency;

namespace HiveMind.Tasks;

/// <summary>One task, keyed by task id. Owns its state machine, its attempts, its outcome and what is owed for it.</summary>
[Alias("HiveMind.ITaskGrain")]
public interface ITaskGrain : IGrainWithStringKey
{
    /// <summary>Index entry, then birth (create if absent). The same content again is the same answer; other content is AlreadyExists.</summary>
    /// <param name="spec">What is asked for.</param>
    /// <param name="oneOfMany">It will wait: out of memory until it is granted.</param>
    /// <param name="mayBeOld">Its id is made of a request id, which may have been used so long ago that only the database knows it.</param>
    [Alias("Submit")] Task<TaskSnapshot> Submit(TaskSpec spec, bool oneOfMany = false, bool mayBeOld = false);
    /// <summary>Null when there is no such task.</summary>
    [Alias("GetSnapshot"), AlwaysInterleave] Task<TaskSnapshot?> GetSnapshot();
    /// <summary>FailedPrecondition TASK_ALREADY_ENDED unless it is open or already cancelled.</summary>
    [Alias("Cancel")] Task<TaskSnapshot> Cancel();

    /// <summary>The commit of an assignment: attempt n + 1 on that node. A refusal says what the task is instead.</summary>
    [Alias("Grant")] Task<GrantResult> Grant(string nodeId, string ownerId, long epoch);
    /// <summary>The worker began: memory only. False when that attempt is not current.</summary>
    [Alias("Started"), AlwaysInterleave] Task<bool> Started(string nodeId, int attempt);
    /// <summary>The outcome; a stale attempt is refused and changes nothing. The same report again is accepted again.</summary>
    [Alias("End")] Task<ReportVerdict> End(string nodeId, TaskOutcomeReport report);
    /// <summary>The node is lost (or gave the attempt back): close the attempt and wait again, or fail after the last.</summary>
    [Alias("AttemptLost")] Task AttemptLost(string nodeId, int attempt, string cause, bool countsAgainstTask);
    /// <summary>
    /// That attempt has lasted longer than `TaskAssignment.OverdueAfter`: ends it as a timeout, whatever its worker says. True when it is not the
    /// current attempt any more; false when, by what was measured, it may still run. The caller stops the run.
    /// </summary>
    /// <param name="nodeId">Whose attempt it is.</param>
    /// <param name="attempt">Its number.</param>
    /// <param name="measured">The caller has measured it itself, since it has known of the attempt.</param>
    [Alias("Overdue")] Task<bool> Overdue(string nodeId, int attempt, bool measured = false);
    /// <summary>
    /// `PendingTask.StartBy` has passed by somebody's clock: ends it if that is so by what was measured. Null when it waits no more, else how long
    /// it still may.
    /// </summary>
    /// <param name="waited">How long the caller has seen it wait, by its monotonic clock.</param>
    [Alias("Expire")] Task<TimeSpan?> Expire(TimeSpan waited = default);
    /// <summary>For the sweeper: what the record says, settling again what has ended. Missing means no record.</summary>
    [Alias("Examine")] Task<TaskExamination> Examine();
    /// <summary>The database has its record: out of the state store. True when it is not there any more; false: it has not ended, and stays.</summary>
    [Alias("Erase")] Task<bool> Erase();
}

/// <summary>What was asked for. Bytes above 4 KiB are in the files by hash.</summary>
[GenerateSerializer, Alias("HiveMind.TaskSpec"), Immutable]
public sealed record TaskSpec
{
    [Id(0)] public required string UserId { get; init; }
    [Id(1)] public required string TaskType { get; init; }
    [Id(2)] public required BlobRef Payload { get; init; }
    [Id(3)] public required ResourceRequest Resources { get; init; }
    [Id(4)] public TaskPriority Priority { get; init; }
    [Id(5)] public TimeSpan RunTimeout { get; init; }
    [Id(6)] public IReadOnlyList<string> Arguments { get; init; } = [];
    [Id(7)] public byte[] StandardInput { get; init; } = [];
    /// <summary>Where its submit stands in a trace (W3C traceparent); empty: not traced. No part of what was asked for.</summary>
    [Id(8)] public string TraceParent { get; init; } = "";
    /// <summary>What each of its two outputs may weigh; 0, as in records of old: the default.</summary>
    [Id(9)] public int MaxOutputMb { get; init; }

    /// <summary>What a node's labels must say (`LabelExpression`, in its canonical text); empty: nothing.</summary>
    [Id(10)] public string Labels { get; init; } = "";
    [Id(11)] public RetrySpec Retry { get; init; } = RetrySpec.Default;
    /// <summary>How long it may wait for its first start; zero: for ever.</summary>
    [Id(12)] public TimeSpan QueueDeadline { get; init; }
    /// <summary>From the submit to the end, all attempts and pauses together; zero: no limit.</summary>
    [Id(13)] public TimeSpan TotalTimeout { get; init; }
    /// <summary>Of the submitter at the submit. No part of what was asked for.</summary>
    [Id(14)] public string Role { get; init; } = "";
    /// <summary>What its submitter's balance holds for it; null: no balance was asked. No part of what was asked for.</summary>
    [Id(15)] public TaskHold? Hold { get; init; }

    /// <summary>Its own variables, each as NAME=value, in the order of the names.</summary>
    [Id(16)] public IReadOnlyList<string> Environment { get; init; } = [];
    /// <summary>From SIGTERM to SIGKILL; null, as in records of old: the default.</summary>
    [Id(17)] public TimeSpan? Grace { get; init; }
    /// <summary>Standard input that is too large for <see cref="StandardInput"/>; null: there is none.</summary>
    [Id(18)] public BlobRef? StandardInputFile { get; init; }

    /// <summary>How long its run is kept while its machine is silent, where that is longer than the pool's lease; zero: the pool's.</summary>
    [Id(19)] public TimeSpan Lease { get; init; }

    /// <summary>How long the hub waits for a machine that is silent, where a worker keeps the run for that: an eighth longer, in which their clocks may differ.</summary>
    public static TimeSpan KeptFor(TimeSpan lease) => lease + lease / 8;

    public static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(5);
    /// <summary>Both of its files: what its account is counted for.</summary>
    public long FileBytes => Payload.Size + (StandardInputFile?.Size ?? 0);
    public const int DefaultMaxOutputMb = 100;
    public long MaxOutputBytes => (MaxOutputMb > 0 ? MaxOutputMb : DefaultMaxOutputMb) * 1024L * 1024;
}

/// <summary>After which ends the submitter wants another attempt. A lost node is one unless said otherwise; the program's own ends are not.</summary>
[GenerateSerializer, Alias("HiveMind.RetrySpec"), Immutable]
public sealed record RetrySpec
{
    public static readonly RetrySpec Default = new();

    /// <summary>Exit codes of the program, 1 to 255, that are worth another try.</summary>
    [Id(0)] public IReadOnlyList<int> ExitCodes { get; init; } = [];
    /// <summary>Any end of the program but exit code 0.</summary>
    [Id(1)] public bool AnyFailure { get; init; }
    [Id(2)] public bool OnTimeout { get; init; }
    /// <summary>False: the task fails with the first machine that is lost under it.</summary>
    [Id(3)] public bool OnLostNode { get; init; } = true;
    /// <summary>0: the pool's `Tasks:MaxAttempts`, and never more than that.</summary>
    [Id(4)] public int MaxAttempts { get; init; }
}

/// <summary>Values are stored: append only.</summary>
public enum TaskPriority { Normal = 0, Low = 1, High = 2, Urgent = 3 }

/// <summary>Values are stored: append only.</summary>
public enum TaskState { Pending = 1, Assigned = 2, Running = 3, Completed = 4, Failed = 5, Cancelled = 6, TimedOut = 7 }

public static class TaskStates
{
    /// <summary>In lists only: the task's record is there and cannot be read. Never stored.</summary>
    public const TaskState Unreadable = 0;
}

/// <summary>Bytes: inline up to 4 KiB, else a file addressed by its SHA-256 (lower-case hex).</summary>
[GenerateSerializer, Alias("HiveMind.BlobRef"), Immutable]
public sealed record BlobRef([property: Id(0)] long Size, [property: Id(1)] string Sha256, [property: Id(2)] byte[]? Inline)
{
    public const int InlineLimit = 4096;
    public static readonly BlobRef Empty = new(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", []);
}

/// <summary>Stable words for why a task waits or how an attempt ended.</summary>
public static class Causes
{
    public const string Completed = "COMPLETED", ProgramFailed = "PROGRAM_FAILED", RunTimeout = "RUN_TIMEOUT", OutOfMemory = "OUT_OF_MEMORY",
        OutOfDisk = "OUT_OF_DISK", OutputTooLarge = "OUTPUT_TOO_LARGE", WorkerFault = "WORKER_FAULT", WorkerRefused = "WORKER_REFUSED", NodeLost = "NODE_LOST",
        NodeRemoved = "NODE_REMOVED", Cancelled = "CANCELLED", QueueDeadline = "QUEUE_DEADLINE", TotalTimeout = "TOTAL_TIMEOUT",
        CrashLimit = "CRASH_LIMIT", Drained = "DRAINED", HubAway = "HUB_AWAY", NodeSuspended = "NODE_SUSPENDED",
        NodeTakenOver = "NODE_TAKEN_OVER";

    /// <summary>Only a program that ended by itself has one.</summary>
    public static bool HasExitCode(string cause, int termSignal) => cause is Completed or ProgramFailed && termSignal == 0;
}

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

[GenerateSerializer, Alias("HiveMind.ReportVerdict"), Immutable]
public sealed record ReportVerdict(
    [property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] ReportVerdictKind Kind,
    [property: Id(3)] string Reason, [property: Id(4)] string Message);

public enum ReportVerdictKind { Accepted = 0, Stale = 1, TryAgain = 2 }

[GenerateSerializer, Alias("HiveMind.GrantResult"), Immutable]
public sealed record GrantResult([property: Id(0)] TaskAssignment? Assignment, [property: Id(1)] string Refusal)
{
    /// <summary>Its account's balance does not cover its tasks; its account was shut out. It waits on, or is about to be cancelled.</summary>
    public const string NoCredit = "NO_CREDIT", AccountInactive = "ACCOUNT_INACTIVE";
}

/// <summary>All a worker needs to run one attempt.</summary>
[GenerateSerializer, Alias("HiveMind.TaskAssignment"), Immutable]
public sealed record TaskAssignment([property: Id(0)] string TaskId, [property: Id(1)] int Attempt, [property: Id(2)] TaskSpec Spec)
{
    /// <summary>What this attempt may run: the run timeout, or less where the total timeout comes first.</summary>
    [Id(3)] public TimeSpan RunTimeout { get; init; }
    // 4 was a moment of the granting silo's clock.
    /// <summary>So long after its grant, or after who asks first knew of it, the hub may end it: `ITaskGrain.Overdue`. Null: never.</summary>
    [Id(5)] public TimeSpan? OverdueAfter { get; init; }
}

[GenerateSerializer, Alias("HiveMind.TaskExamination"), Immutable]
public sealed record TaskExamination(
    [property: Id(0)] TaskExaminationKind Kind, [property: Id(1)] string? NodeId, [property: Id(2)] TaskAssignment? Assignment, [property: Id(3)] PendingTask? Pending);

public enum TaskExaminationKind { Missing = 0, Pending = 1, OnNode = 2, Ended = 3 }

/// <summary>A task as it is shown.</summary>
[GenerateSerializer, Alias("HiveMind.TaskSnapshot"), Immutable]
public sealed record TaskSnapshot
{
    [Id(0)] public required string TaskId { get; init; }
    [Id(1)] public required TaskSpec Spec { get; init; }
    [Id(2)] public required TaskState State { get; init; }
    /// <summary>Why it failed; for a pending task the scheduler says why (the gateway asks it).</summary>
    [Id(3)] public string Reason { get; init; } = "";
    [Id(4)] public string ErrorMessage { get; init; } = "";
    [Id(5)] public required DateTimeOffset CreatedAt { get; init; }
    [Id(6)] public DateTimeOffset? StartedAt { get; init; }
    [Id(7)] public DateTimeOffset? EndedAt { get; init; }
    [Id(8)] public string? NodeId { get; init; }
    [Id(9)] public IReadOnlyList<AttemptSnapshot> Attempts { get; init; } = [];
    [Id(10)] public int MaxAttempts { get; init; }
    [Id(11)] public int ExitCode { get; init; }
    [Id(12)] public BlobRef Result { get; init; } = BlobRef.Empty;
    [Id(13)] public BlobRef Stderr { get; init; } = BlobRef.Empty;
    [Id(14)] public long CostMicros { get; init; }
    [Id(15)] public int TermSignal { get; init; }

    /// <summary>Its program ended by itself: there is an exit code.</summary>
    public bool HasExitCode => Causes.HasExitCode(State == TaskState.Completed ? Causes.Completed : Reason, TermSignal);
}

[GenerateSerializer, Alias("HiveMind.AttemptSnapshot"), Immutable]
public sealed record AttemptSnapshot(
    [property: Id(0)] int Attempt, [property: Id(1)] string NodeId, [property: Id(2)] DateTimeOffset AssignedAt, [property: Id(3)] DateTimeOffset? StartedAt,
    [property: Id(4)] DateTimeOffset? EndedAt, [property: Id(5)] string Cause, [property: Id(6)] long RunMs, [property: Id(7)] long CostMicros)
{
    [Id(8)] public int ExitCode { get; init; }
    /// <summary>As its worker measured it; 0: not known.</summary>
    [Id(9)] public long MemoryPeakMb { get; init; }
    [Id(10)] public long CpuMs { get; init; }
    [Id(11)] public int TermSignal { get; init; }

    /// <summary>Its program ended by itself: there is an exit code.</summary>
    public bool HasExitCode => Causes.HasExitCode(Cause, TermSignal);
}
