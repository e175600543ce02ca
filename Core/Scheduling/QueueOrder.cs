using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// The order of one account's tasks: Urgent, High, Normal, Low; then the older; then the id, so that it is total and replays. A task's band rises by one in every
/// <see cref="SchedulingOptions.AgingStep"/>. All rise alike, so which of two goes first never changes: a band is a head start of one step,
/// and the key below needs no clock.
/// </summary>
internal readonly record struct OrderKey(long Aged, string TaskId) : IComparable<OrderKey>
{
    public static OrderKey Of(PendingTask task, long agingStep) => new(task.SubmittedAt.UtcTicks - Band(task.Priority) * agingStep, task.TaskId);

    public int CompareTo(OrderKey other) => Aged != other.Aged ? Aged.CompareTo(other.Aged) : string.CompareOrdinal(TaskId, other.TaskId);

    /// <summary>The stored values of priorities are not their order.</summary>
    public static int Band(TaskPriority priority) => priority switch
    {
        TaskPriority.Low => 0,
        TaskPriority.High => 2,
        TaskPriority.Urgent => 3,
        _ => 1,
    };
}
