using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>The history of ended tasks in the database.</summary>
public interface ITaskHistory
{
    /// <summary>Up to so many below that key. Bounded also where the filter shows little: then the window ends early.</summary>
    Task<TaskWindow> Page(TaskFilter filter, TaskKey? below, int most, CancellationToken cancel);
    /// <summary>Of the tasks that ended since then; of the newest only where they are too many to add up at once.</summary>
    Task<TaskAnalytics> Analyse(DateTimeOffset since, CancellationToken cancel);
}
