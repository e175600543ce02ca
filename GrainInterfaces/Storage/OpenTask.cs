using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>A place in the list of open tasks; without a task where its index entry went in between: settled, so in the history.</summary>
public sealed record OpenTask(TaskKey Key, PendingTask? Task)
{
    /// <summary>Its index entry is there and cannot be read: only the task's own record says what it is.</summary>
    public bool IsUnreadable { get; init; }
}
