using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>Where a task stands in the queue.</summary>
internal enum QueuePlace : byte { Ready, Held, Offered }

/// <summary>
/// A task in the queue. A million of them wait at times: what it shares with its like is in its lane, and it is written out as a
/// <see cref="PendingTask"/> only when it is offered.
/// </summary>
internal sealed class QueuedTask(PendingTask task, Lane lane, long agingStep)
{
    private const long None = long.MaxValue;

    private readonly long _submitted = task.SubmittedAt.UtcTicks;
    private readonly long _notBefore = task.NotBefore.UtcTicks;
    private readonly TaskPriority _priority = task.Priority;

    public string TaskId { get; } = task.TaskId;
    public Lane Lane { get; } = lane;
    public long Aged { get; } = OrderKey.Of(task, agingStep).Aged;
    public long StartBy { get; } = task.StartBy?.UtcTicks ?? None;
    /// <summary>Ticks of the scheduler's monotonic time when it came.</summary>
    public long QueuedAt { get; init; }
    /// <summary>Set while held; MaxValue: for good.</summary>
    public long HeldUntil { get; set; }
    public QueuePlace Place { get; set; }
    /// <summary>Enqueued again while it was on the way to a node: its attempt ended before the node's answer came.</summary>
    public PendingTask? Again { get; set; }
    /// <summary>Its account's balance did not cover its tasks when a node asked for it.</summary>
    public bool LacksCredit { get; set; }
    /// <summary>Removed: what still names it in a heap names nothing.</summary>
    public bool Gone { get; set; }
    /// <summary>The last round of sweeps, of 256 in turn, in which it came or the index named it.</summary>
    public byte Named { get; set; }

    public OrderKey Key => new(Aged, TaskId);
    public TaskPriority Priority => _priority;
    public long Submitted => _submitted;
    public ResourceVector Request => Lane.Shape.Request;
    public bool HasDeadline => StartBy != None;
    /// <summary>Its time to start is over and its record was asked to end it.</summary>
    public bool IsExpired => Place == QueuePlace.Held && HeldUntil == None;

    public PendingTask ToPending() => new(
        TaskId, Lane.Account.UserId, Lane.Shape.Key.TaskType, _priority, Lane.Shape.Resources, Moment(_submitted), Moment(_notBefore))
    {
        RunTimeout = TimeSpan.FromTicks(Lane.Shape.Key.RunTimeoutTicks), Role = Lane.Account.Role, Labels = Lane.Shape.Key.Labels,
        StartBy = HasDeadline ? Moment(StartBy) : null, FailedOn = Lane.Shape.Key.LeftOut,
    };

    /// <summary>What nodes it leaves out goes with the attempts it had, and these with the moment it may start from.</summary>
    public bool IsSameAs(PendingTask other) =>
        other.UserId == Lane.Account.UserId && ShapeKey.Of(other) == Lane.Shape.Key with { LeftOut = "" } && other.Priority == _priority
        && other.SubmittedAt.UtcTicks == _submitted && other.NotBefore.UtcTicks == _notBefore && (other.StartBy?.UtcTicks ?? None) == StartBy;

    private static DateTimeOffset Moment(long ticks) => new(ticks, TimeSpan.Zero);
}
