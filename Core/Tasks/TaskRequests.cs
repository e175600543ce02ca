using HiveMind.Scheduling;

namespace HiveMind.Tasks;

/// <summary>Why a task's record is written.</summary>
public enum SaveTaskOf
{
    Birth,
    Grant,
    /// <summary>An attempt ended, and with it the task or not.</summary>
    AttemptEnd,
    Cancel,
    /// <summary>Its time to start is over.</summary>
    Expiry,
}

/// <summary>Durable, or the activation ends, and every command of it: then nobody knows what is stored.</summary>
public sealed class SaveTask(TaskRecord next, SaveTaskOf why) : Effect
{
    public TaskRecord Next => next;
    public SaveTaskOf Why => why;
}

/// <summary>The database has its record: it goes. Fails like <see cref="SaveTask"/>.</summary>
public sealed class EraseTask : Effect;

/// <summary>Whether it ended long ago, so that only the database knows it. Where it cannot be asked the command has failed.</summary>
public sealed class FindEnded : Effect
{
    public TaskSnapshot? Found { get; set; }
}

/// <summary>How a task stands in the index of open tasks. Where that fails the command has failed.</summary>
public enum IndexEntry
{
    /// <summary>Before the birth: the entry stands before it.</summary>
    Before,
    /// <summary>
    /// It was born long after it was entered, as when its silo stood still: a sweep may have removed its entry as left behind, or be about to. Not quite the same entry,
    /// so that who has read the first does not remove the second.
    /// </summary>
    Again,
    /// <summary>It was born by an earlier call, whose end nobody here knows: the entry stands, or stands again.</summary>
    Ensured,
}

/// <summary>Its entry stands.</summary>
public sealed class EnterIndex(PendingTask task, IndexEntry how) : Effect
{
    public PendingTask Task => task;
    public IndexEntry How => how;
}

/// <summary>Whether a task of that account may start now.</summary>
public sealed class AskStanding(string userId, bool isHeld) : Effect
{
    public string UserId => userId;
    /// <summary>What the task may cost is held of the balance.</summary>
    public bool IsHeld => isHeld;
    /// <summary>Why not, as a refusal of <see cref="GrantResult"/>; null: it may.</summary>
    public string? Refusal { get; set; }
}

/// <summary>A word to others that may get lost: the sweeper finds what it was about.</summary>
public abstract class Hint : Effect;

/// <summary>The scheduler: it waits.</summary>
public sealed class Announce(PendingTask task, bool isNew) : Hint
{
    public PendingTask Task => task;
    /// <summary>It was just born: told together with others.</summary>
    public bool IsNew => isNew;
}

/// <summary>Index and scheduler: it waits again.</summary>
public sealed class Return(PendingTask task) : Hint
{
    public PendingTask Task => task;
}

/// <summary>The scheduler: it waits no more.</summary>
public sealed class Withdraw : Hint;

/// <summary>The node: that attempt is over for the pool.</summary>
public sealed class DropAttempt(string nodeId, int attempt, string cause) : Hint
{
    public string NodeId => nodeId;
    public int Attempt => attempt;
    public string Cause => cause;
}

/// <summary>What a step wants done that nobody waits for.</summary>
public interface ITaskEffects
{
    /// <summary>It has ended: the database learns it, once or more often.</summary>
    void Settle(TaskRecord ended);
    /// <summary>What it has heard is memory: it stays for so long. Zero: it may leave like any other.</summary>
    void Stay(TimeSpan time);
    /// <summary>It need not stay in memory.</summary>
    void Leave();
    /// <summary>For people to read, and for counters.</summary>
    void Happened(TaskEvent what);
}

/// <summary>Something that was decided, and is durable.</summary>
public abstract record TaskEvent
{
    public sealed record Submitted(TaskSpec Spec) : TaskEvent;
    public sealed record Granted(TaskRecord Before, AttemptRecord Attempt) : TaskEvent;
    public sealed record Started(TaskSpec Spec) : TaskEvent;
    public sealed record AttemptEnded(TaskRecord After) : TaskEvent;
    public sealed record Ended(TaskRecord Task) : TaskEvent;
    public sealed record Cancelled(string? NodeId) : TaskEvent;
    public sealed record Expired(string Reason) : TaskEvent;
    /// <summary>About to be: its worker did not stop it in time.</summary>
    public sealed record Overdue(AttemptRecord Attempt) : TaskEvent;
    public sealed record RefusedAsStale : TaskEvent;
}
