using HiveMind.Persistence;
using HiveMind.Scheduling;
using HiveMind.Storage;

namespace HiveMind.Tasks;

/// <summary>
/// What the births on this silo have in common: the index is written and the scheduler told for all that are born at the same time together,
/// so that a thousand submits cost a few calls of each.
/// </summary>
public sealed class NewTasks
{
    private const int Together = 1000;
    private readonly SharedCalls<PendingTask> _entries, _news;

    public NewTasks(IUnfinishedIndex index, IGrainFactory grains) => (_entries, _news) = (
        new(index.Add, Together), new(tasks => grains.GetGrain<ISchedulerGrain>(Shards.Default).Enqueue(tasks), Together));

    /// <summary>Before the birth: the entry stands before it.</summary>
    public Task Enter(PendingTask task) => _entries.Join(task);

    /// <summary>After it: the task waits.</summary>
    public Task Announce(PendingTask task) => _news.Join(task);
}
