using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Ended tasks whose records have left the floor, in the books: all that their records said. A task is in the floor, in here, or for a moment in both.
/// </summary>
public interface IEndedTasks
{
    /// <summary>Null: never was, or is still in the floor.</summary>
    Task<TaskSnapshot?> Find(string taskId, CancellationToken cancel);
    /// <summary>Those of them that are here.</summary>
    Task<IReadOnlyList<TaskSnapshot>> FindAll(IReadOnlyList<string> taskIds, CancellationToken cancel);
}
