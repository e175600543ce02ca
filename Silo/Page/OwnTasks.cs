using Dapper;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Hosting;

/// <summary>An account's own tasks among the last that ended and those that are open, a bounded number of each looked at.</summary>
internal sealed class OwnTasks(IGrainFactory grains, IUnfinishedIndex unfinished, SqliteBooks books) : IOwnTasks
{
    private const int LookedAt = 10_000;

    public async Task<IReadOnlyList<OwnTask>> Recent(string userId, int count, CancellationToken cancel)
    {
        var ids = new List<string>();
        var looked = 0;
        await foreach (var entry in unfinished.Scan(cancel))
        {
            if (entry.Task.UserId == userId) ids.Add(entry.Task.TaskId);
            if (++looked >= LookedAt || ids.Count >= count) break;
        }

        ids.AddRange(await books.Query(c => c.Query<string>(
            "SELECT task_id FROM (SELECT task_id, user_id, ended_ms FROM task_history ORDER BY ended_ms DESC LIMIT @LookedAt) WHERE user_id = @userId ORDER BY ended_ms DESC LIMIT @count",
            new { userId, LookedAt, count }).ToList()));
        var tasks = new List<OwnTask>();
        foreach (var id in ids.Distinct().Take(2 * count))
            if (await grains.GetGrain<ITaskGrain>(id).GetSnapshot() is { } task) tasks.Add(await Of(task));
        return [.. tasks.OrderByDescending(task => task.CreatedAt).Take(count)];
    }

    private async Task<OwnTask> Of(TaskSnapshot task) => new()
    {
        TaskId = task.TaskId, TaskType = task.Spec.TaskType, State = task.State, NodeId = task.NodeId ?? "", Attempts = task.Attempts.Count,
        Why = task.State == TaskState.Pending ? (await grains.GetGrain<ISchedulerGrain>(Shards.Default).Explain(task.TaskId)).Text : task.ErrorMessage,
        CreatedAt = task.CreatedAt, StartedAt = task.StartedAt, EndedAt = task.EndedAt, CostMicros = task.CostMicros,
    };
}
