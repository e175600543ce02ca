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
