using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>A task as its record says, wherever that is: in the floor, or, some time after its end, in the books.</summary>
internal sealed class TaskRecords(IGrainFactory grains, IEndedTasks ended)
{
    /// <summary>The floor first: a record leaves it only after the books have it.</summary>
    public async Task<TaskSnapshot?> Find(string taskId, CancellationToken cancel) =>
        await grains.GetGrain<ITaskGrain>(taskId).GetSnapshot() ?? await ended.Find(taskId, cancel);
}
