using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// The unfinished index in the order of lists, in the state store: one list per user and one of everybody's. An entry is written with the index
/// entry, before the birth, and removed with it, after the database: so a task is in here, in the history, or in both, and never in neither.
/// </summary>
public interface IOpenTasks
{
    /// <summary>Up to so many below that key, newest first. Fewer: there are no more that were created at <paramref name="fromMs"/> or later.</summary>
    Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most);
    /// <summary>Lists what is in the index and in no list: a state store from before there were lists, or one that lost them.</summary>
    Task EnsureListed(IReadOnlyList<PendingTask> tasks);
}

/// <summary>A place in the list of open tasks; without a task where its index entry went in between: settled, so in the history.</summary>
public sealed record OpenTask(TaskKey Key, PendingTask? Task)
{
    /// <summary>Its index entry is there and cannot be read: only the task's own record says what it is.</summary>
    public bool IsUnreadable { get; init; }
}

/// <summary>The history of ended tasks in the database.</summary>
public interface ITaskHistory
{
    /// <summary>Up to so many below that key. Bounded also where the filter shows little: then the window ends early.</summary>
    Task<TaskWindow> Page(TaskFilter filter, TaskKey? below, int most, CancellationToken cancel);
    /// <summary>Of the tasks that ended since then; of the newest only where they are too many to add up at once.</summary>
    Task<TaskAnalytics> Analyse(DateTimeOffset since, CancellationToken cancel);
}

/// <summary>How tasks went that ended since <paramref name="Since"/>, by type and by the node that had them last.</summary>
public sealed record TaskAnalytics(DateTimeOffset Since, bool IsCut, IReadOnlyList<TaskFigures> ByType, IReadOnlyList<TaskFigures> ByNode);

/// <summary>One type or node: counts, times over what ran, micro-credits.</summary>
public sealed record TaskFigures(string Name, long Completed, long Failed, TimeSpread Run, TimeSpread Wait, long Micros);

/// <summary>Milliseconds: the mean, and what half and 95 of 100 did not exceed (a value that occurred; 0 when nothing ran).</summary>
public sealed record TimeSpread(double MeanMs, long P50Ms, long P95Ms);
