using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>Why a node's record is written.</summary>
public enum SaveOf
{
    Registration,
    Token,
    Connection,
    /// <summary>The end of its lease.</summary>
    Verdict,
    Cordon,
    Owner,
    Leave,
    Earned,
}

/// <summary>Durable, or the activation ends, and every command of it: then nobody knows what is stored.</summary>
public sealed class SaveNode(NodeRecord next, SaveOf why) : Effect
{
    public NodeRecord Next => next;
    public SaveOf Why => why;
}

/// <summary>Its record goes, or what is kept of it for its owner stands there instead. Fails like <see cref="SaveNode"/>.</summary>
public sealed class ForgetNode(NodeRecord? kept) : Effect
{
    /// <summary>Null: nothing is kept.</summary>
    public NodeRecord? Kept => kept;
}

/// <summary>It stands in the list of nodes, or not. Where that fails the command has failed.</summary>
public sealed class ListNode(bool isThere) : Effect
{
    public bool IsThere => isThere;
}

/// <summary>It is woken about once a minute though nobody calls it, or not. Where that fails the command has failed.</summary>
public sealed class SetReminder(bool isOn) : Effect
{
    public bool IsOn => isOn;
}

/// <summary>Whether the database knows anything of it.</summary>
public sealed class AskPast : Effect
{
    /// <summary>Where it cannot be asked: not known is not nothing.</summary>
    public bool HasPast { get; set; } = true;
}

/// <summary>Whether its owner's account is active.</summary>
public sealed class AskOwner : Effect
{
    /// <summary>Null: it cannot be asked now.</summary>
    public bool? IsActive { get; set; }
    /// <summary>It answered, if only that its record cannot be read: it is asked no more often than any other.</summary>
    public bool HasAnswered { get; set; }
}

/// <summary>The index says of these tasks that this node may have them, before any of them is granted.</summary>
public sealed class MarkTasks(IReadOnlyList<string> taskIds) : Effect
{
    public IReadOnlyList<string> TaskIds => taskIds;
    public bool IsMarked { get; set; }
}

/// <summary>Each of these tasks is asked for its next attempt.</summary>
public sealed class AskGrants(IReadOnlyList<PendingTask> tasks, string ownerId, long epoch) : Effect
{
    public IReadOnlyList<PendingTask> Tasks => tasks;
    public string OwnerId => ownerId;
    public long Epoch => epoch;
    /// <summary>In the order of the tasks. Null: it may have been granted.</summary>
    public GrantResult?[] Answers { get; } = new GrantResult?[tasks.Count];
}

/// <summary>What the index has of these tasks.</summary>
public sealed class FindOpen(IReadOnlyList<string> taskIds) : Effect
{
    public IReadOnlyList<string> TaskIds => taskIds;
    /// <summary>The node that each is marked for. Null: the index cannot be read now.</summary>
    public IReadOnlyDictionary<string, string?>? Found { get; set; }
}

/// <summary>What the records of these tasks say.</summary>
public sealed class ExamineTasks(IReadOnlyList<AttemptReport> asked) : Effect
{
    public IReadOnlyList<AttemptReport> Asked => asked;
    /// <summary>In the order of what is asked. Null: it cannot be asked now.</summary>
    public TaskExamination?[] Answers { get; } = new TaskExamination?[asked.Count];
}

/// <summary>Each task learns that its program began.</summary>
public sealed class TellStarts(IReadOnlyList<AttemptReport> started) : Effect
{
    public IReadOnlyList<AttemptReport> Started => started;
    /// <summary>Whether it is the attempt that runs now. Null: it is not told.</summary>
    public bool?[] IsCurrent { get; } = new bool?[started.Count];
}

/// <summary>An attempt whose task is to learn that it is lost.</summary>
public sealed record LostAttempt(string TaskId, int Attempt, string Cause, bool Counts);

/// <summary>Each task learns that its attempt is lost.</summary>
public sealed class TellLosses(IReadOnlyList<LostAttempt> lost) : Effect
{
    public IReadOnlyList<LostAttempt> Lost => lost;
    public bool[] IsTold { get; } = new bool[lost.Count];
}

/// <summary>Each task records how its attempt ended.</summary>
public sealed class RecordEnds(IReadOnlyList<TaskOutcomeReport> reports) : Effect
{
    public IReadOnlyList<TaskOutcomeReport> Reports => reports;
    /// <summary>In their order. Null: it could not be recorded now.</summary>
    public ReportVerdict?[] Verdicts { get; } = new ReportVerdict?[reports.Count];
}

/// <summary>The scheduler learns what it has to offer; null: nothing. Where that fails it is told again with the next heartbeat.</summary>
public sealed class TellScheduler(NodeView? view) : Effect
{
    public NodeView? View => view;
}
