using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>What a step of the sweep wants of others. Where it fails the step has failed: the next sweep meets its entry again.</summary>
public abstract class SweepEffect(string taskId) : Effect
{
    public string TaskId => taskId;
}

/// <summary>What the task's record says, settling again what has ended.</summary>
public sealed class AskRecord(string taskId) : SweepEffect(taskId)
{
    public TaskExamination Found { get; set; } = Missing;
    public static readonly TaskExamination Missing = new(TaskExaminationKind.Missing, null, null, null);
}

/// <summary>Its entry goes, if it still is what was read.</summary>
public sealed class RemoveEntry(string taskId, ReadOnlyMemory<byte> asRead) : SweepEffect(taskId)
{
    public ReadOnlyMemory<byte> AsRead => asRead;
    public bool IsRemoved { get; set; }
}

/// <summary>Its entry stands.</summary>
public sealed class AddEntry(PendingTask task, bool onlyIfMissing) : SweepEffect(task.TaskId)
{
    public PendingTask Task => task;
    public bool OnlyIfMissing => onlyIfMissing;
}

/// <summary>Its entry says that it waits, for no node.</summary>
public sealed class ReturnEntry(PendingTask task) : SweepEffect(task.TaskId)
{
    public PendingTask Task => task;
}

/// <summary>Its entry names the node that may hold it.</summary>
public sealed class MarkEntry(string taskId, string nodeId) : SweepEffect(taskId)
{
    public string NodeId => nodeId;
}

/// <summary>Whether the scheduler has it, in its queue or on the way to a node.</summary>
public sealed class AskScheduler(string taskId) : SweepEffect(taskId)
{
    public bool IsMissing { get; set; }
}

/// <summary>Into the scheduler's queue.</summary>
public sealed class Enqueue(PendingTask task) : SweepEffect(task.TaskId)
{
    public PendingTask Task => task;
}

/// <summary>Out of the scheduler's queue.</summary>
public sealed class Dequeue(string taskId) : SweepEffect(taskId);

/// <summary>The node that holds it by its record: does it?</summary>
public sealed class ClaimAttempt(string nodeId, AttemptClaim claim) : SweepEffect(claim.TaskId)
{
    public string NodeId => nodeId;
    public AttemptClaim Claim => claim;
    public bool IsHeld { get; set; }
}

/// <summary>Its node is lost to it.</summary>
public sealed class ReportLoss(string taskId, string nodeId, int attempt) : SweepEffect(taskId)
{
    public string NodeId => nodeId;
    public int Attempt => attempt;
}

/// <summary>Something that the sweep mended.</summary>
/// <param name="What">What it was.</param>
/// <param name="TaskId">Whose.</param>
/// <param name="NodeId">That lost the attempt; empty: none did.</param>
/// <param name="Attempt">That was lost.</param>
public sealed record SweepMended(Mended What, string TaskId, string NodeId = "", int Attempt = 0);

/// <summary>Kinds of what a sweep mends.</summary>
public enum Mended
{
    Orphan,
    Enqueued,
    Dequeued,
    Settled,
    Lost,
}
