using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// The unfinished index in the order of lists, in the floor: one list per user and one of everybody's. An entry is written with the index
/// entry, before the birth, and removed with it, after the books: so a task is in here, in the history, or in both, and never in neither.
/// </summary>
public interface IOpenTasks
{
    /// <summary>Up to so many below that key, newest first. Fewer: there are no more that were created at <paramref name="fromMs"/> or later.</summary>
    Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most);
    /// <summary>Lists what is in the index and in no list: a floor from before there were lists, or one that lost them.</summary>
    Task EnsureListed(IReadOnlyList<PendingTask> tasks);
}

/// <summary>A place in the list of open tasks; without a task where its index entry went in between: settled, so in the history.</summary>
public sealed record OpenTask(TaskKey Key, PendingTask? Task);

/// <summary>The history of ended tasks in the books.</summary>
public interface ITaskHistory
{
    /// <summary>Up to so many below that key. Bounded also where the filter shows little: then the window ends early.</summary>
    Task<TaskWindow> Page(TaskFilter filter, TaskKey? below, int most, CancellationToken cancel);
}
