using HiveMind.Nodes;
using HiveMind.Rewards;

namespace HiveMind.Tasks;

/// <summary>The first page of an account's list, with the sentences that belong to it.</summary>
internal sealed class OwnTasks(TaskListing listing, TaskReasons reasons, IGrainFactory grains) : IOwnTasks
{
    public async Task<IReadOnlyList<OwnTask>> Recent(string userId, int count, CancellationToken cancel)
    {
        var (tasks, _) = await listing.Page(new TaskFilter { UserId = userId }, null, count, cancel);
        var shown = new OwnTask[tasks.Count];
        await NodeDirectory.ForEach(Enumerable.Range(0, tasks.Count), async i => shown[i] = ToOwn(tasks[i], await Why(tasks[i], cancel)), cancel);
        return shown;
    }

    public async Task<long> HeldMicros(string userId) => (await grains.GetGrain<IAccountLoadGrain>(userId).GetStanding()).HeldMicros;

    internal static OwnTask ToOwn(ListedTask task, string why) => new()
    {
        TaskId = task.Key.TaskId, TaskType = task.TaskType, State = task.State, Why = why, NodeId = task.NodeId ?? "", Attempts = task.Attempts,
        CreatedAt = task.Key.CreatedAt, StartedAt = task.StartedAt, EndedAt = task.EndedAt,
        CostMicros = task.CostMicros,
    };

    /// <summary>A sentence that cannot be had in time is left out: the list itself is what counts.</summary>
    private async Task<string> Why(ListedTask task, CancellationToken cancel)
    {
        if (task.State == TaskState.Pending) return (await reasons.OfWaiting(task.Key.TaskId, cancel))?.Text ?? "";
        return TaskMapping.HasEnded(task.State) || task.State == TaskStates.Unreadable ? FailureTexts.For(task.Reason) : "";
    }
}
