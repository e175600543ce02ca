using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tasks;

/// <summary>
/// Lists: what is open from the state store, its state from the tasks' grains, merged with what has ended from the database. The state store is read first:
/// a task leaves it only after it is in the database, so whatever moves in between is seen in one of them at least.
/// </summary>
internal sealed partial class TaskListing(IGrainFactory grains, IOpenTasks open, ITaskHistory history, ILogger<TaskListing> log)
{
    /// <summary>So many places of the state store are looked at for one page, however little the filter shows.</summary>
    private const int ScanLimit = 2000;
    private const int FilteredChunk = 500;

    public async Task<(IReadOnlyList<ListedTask> Tasks, TaskKey? Next)> Page(TaskFilter filter, TaskKey? below, int size, CancellationToken cancel)
    {
        var start = below ?? (filter.BeforeMs == long.MaxValue ? null : new TaskKey(filter.BeforeMs, ""));
        var unfinished = await Open(filter, start, size + 1, cancel);
        var endedToo = filter.States.Count == 0 || filter.States.Any(TaskMapping.HasEnded);
        var ended = endedToo ? await history.Page(filter, start, size + 1, cancel) : TaskWindow.Nothing;
        return TaskMerge.Page(unfinished, ended, size);
    }

    private async Task<TaskWindow> Open(TaskFilter filter, TaskKey? below, int most, CancellationToken cancel)
    {
        var found = new List<ListedTask>();
        var chunk = filter.Shows(TaskState.Pending) ? most : Math.Max(most, FilteredChunk);
        for (var scanned = 0; scanned < ScanLimit && found.Count < most; scanned += chunk)
        {
            var places = await open.Page(filter.UserId, below, filter.FromMs, chunk);
            // Of an entry that cannot be read only the task itself knows the type.
            var candidates = places.Where(place => place.IsUnreadable || (place.Task is { } task && filter.ShowsType(task.TaskType)))
                .ToList();
            if (!filter.Shows(TaskState.Pending)) candidates = await WithoutQueued(candidates);
            found.AddRange((await Ask(candidates, filter.UserId, cancel)).Where(task => filter.Shows(task.State) && filter.ShowsType(task.TaskType)));
            if (places.Count < chunk) return new TaskWindow(found, null);
            below = places[^1].Key;
        }

        return new TaskWindow(found, below);
    }

    /// <summary>What waits in the queue is pending: no grain is woken to say so. What the scheduler does not know is asked.</summary>
    private async Task<List<OpenTask>> WithoutQueued(List<OpenTask> tasks)
    {
        if (tasks.Count == 0) return tasks;
        try
        {
            var unknown = (await grains.GetGrain<ISchedulerGrain>(Shards.Default).Missing([.. tasks.Select(task => task.Key.TaskId)])).ToHashSet();
            return [.. tasks.Where(task => unknown.Contains(task.Key.TaskId))];
        }
        catch (Exception away) when (away is TimeoutException or HiveMindException or OrleansException)
        {
            SchedulerAway(away.GetType().Name, away.Message);
            return tasks;
        }
    }

    /// <summary>An entry whose task was never born, or not yet, is left out: nobody was told that it exists.</summary>
    private async Task<IEnumerable<ListedTask>> Ask(List<OpenTask> tasks, string? userId, CancellationToken cancel)
    {
        var answers = new ListedTask?[tasks.Count];
        await NodeDirectory.ForEach(Enumerable.Range(0, tasks.Count), async i => answers[i] = await Ask(tasks[i], userId), cancel);
        return answers.OfType<ListedTask>();
    }

    private async Task<ListedTask?> Ask(OpenTask place, string? userId)
    {
        try
        {
            return await grains.GetGrain<ITaskGrain>(place.Key.TaskId).GetSnapshot() is { } task ? TaskMapping.ToListed(task) : null;
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return TaskMapping.ToUnreadable(place, userId);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler did not say what waits, so the tasks are asked: {Type} {Text}")]
    private partial void SchedulerAway(string type, string text);
}
