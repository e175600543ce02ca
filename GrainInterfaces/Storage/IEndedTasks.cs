using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Ended tasks whose records have left the state store, in the database: all that their records said. A task is in the state store, in here, or for a moment in both.
/// </summary>
public interface IEndedTasks
{
    /// <summary>Null: never was, or is still in the state store. One that is here and cannot be read throws, and is never taken for missing.</summary>
    Task<TaskSnapshot?> Find(string taskId, CancellationToken cancel);
    /// <summary>Those of them that are here. One that cannot be read stops nothing: it is named to <paramref name="unreadable"/> and left out.</summary>
    Task<IReadOnlyList<TaskSnapshot>> FindAll(IReadOnlyList<string> taskIds, CancellationToken cancel, Action<string> unreadable);
}
