using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>Makes the watch of one task.</summary>
internal sealed class TaskWatches(IGrainFactory grains, IFiles files, IPartialFiles partials, TaskReasons reasons, WatchSlots slots, TimeProvider time)
{
    public TaskWatch Of(TaskSnapshot task) => new(grains.GetGrain<ITaskGrain>(task.TaskId), files, partials, reasons, slots, time);
}
