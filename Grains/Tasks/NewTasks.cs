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
    private readonly SharedCalls<PendingTask> _entries, _missing, _news;

    public NewTasks(IUnfinishedIndex index, IGrainFactory grains) => (_entries, _missing, _news) = (
        new(index.Add, Together), new(index.AddMissing, Together), new(tasks => grains.GetGrain<ISchedulerGrain>(Shards.Default).Enqueue(tasks), Together));

    /// <summary>Before the birth: the entry stands before it.</summary>
    public Task Enter(PendingTask task) => _entries.Join(task);

    /// <summary>
    /// It was born long after it was entered, as when its silo stood still: a sweep may have removed its entry as left behind, or be about to.
    /// Not quite the same entry, so that who has read the first does not remove the second.
    /// </summary>
    public Task EnterAgain(PendingTask task) => Enter(task with { NotBefore = task.NotBefore.AddTicks(1) });

    /// <summary>It was born by an earlier call, whose end nobody here knows: the entry stands, or stands again.</summary>
    public Task EnsureEntered(PendingTask task) => _missing.Join(task);

    /// <summary>After it: the task waits.</summary>
    public Task Announce(PendingTask task) => _news.Join(task);
}
