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
