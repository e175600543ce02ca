using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>Where a task stands in the queue.</summary>
internal enum QueuePlace { Ready, Held, Offered }

/// <summary>A task in the queue, with the two lanes it waits in.</summary>
internal sealed class QueuedTask(PendingTask task)
{
    public PendingTask Task { get; } = task;
    public QueuePlace Place { get; set; }
    /// <summary>Set while held.</summary>
    public DateTimeOffset HeldUntil { get; set; }
    /// <summary>The node it is on the way to, while offered.</summary>
    public string? OfferedTo { get; set; }
    /// <summary>Enqueued again while it was on the way to a node: its attempt ended before the node's answer came.</summary>
    public PendingTask? Again { get; set; }
}

/// <summary>Urgent before High before Normal before Low, then the older, then the id, so that the order is total and replays.</summary>
internal sealed class QueueOrder : IComparer<QueuedTask>
{
    public static readonly QueueOrder Instance = new();

    public int Compare(QueuedTask? x, QueuedTask? y) => Compare(x!.Task, y!.Task);

    public static int Compare(PendingTask x, PendingTask y)
    {
        var order = Band(x.Priority).CompareTo(Band(y.Priority));
        if (order == 0) order = x.SubmittedAt.CompareTo(y.SubmittedAt);
        return order == 0 ? string.CompareOrdinal(x.TaskId, y.TaskId) : order;
    }

    /// <summary>The stored values of priorities are not their order.</summary>
    private static int Band(TaskPriority priority) => priority switch
    {
        TaskPriority.Urgent => 0,
        TaskPriority.High => 1,
        TaskPriority.Low => 3,
        _ => 2,
    };
}

/// <summary>Held tasks, the next due first.</summary>
internal sealed class DueOrder : IComparer<QueuedTask>
{
    public static readonly DueOrder Instance = new();

    public int Compare(QueuedTask? x, QueuedTask? y)
    {
        var order = x!.HeldUntil.CompareTo(y!.HeldUntil);
        return order == 0 ? string.CompareOrdinal(x.Task.TaskId, y.Task.TaskId) : order;
    }
}
