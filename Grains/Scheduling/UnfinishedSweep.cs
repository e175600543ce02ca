using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>
/// One pass over both indexes that finishes half-done steps. One failure is logged and the rest goes on: the next pass meets it again.
/// </summary>
public sealed partial class UnfinishedSweep(
    IUnfinishedIndex index, IOpenTasks lists, INodeIndex nodes, ISweepTargets targets, TimeProvider time, ILogger<UnfinishedSweep> logger)
{
    private const int Together = 32;
    private const int Page = 1000;

    private readonly SemaphoreSlim _slots = new(Together);
    private long _sweeps, _checkEvery;

    /// <summary>Throws when an index cannot be read or the scheduler cannot be asked.</summary>
    public async Task Run(CancellationToken cancel)
    {
        _sweeps++;
        var began = time.GetTimestamp();
        _checkEvery = SweepRules.CheckEvery(await index.Count());
        foreach (var node in await nodes.All()) await Start(() => targets.Touch(node), node, cancel);
        var page = new List<UnfinishedEntry>(Page);
        await foreach (var entry in index.Scan(cancel))
        {
            page.Add(entry);
            if (page.Count < Page) continue;
            await SweepPage(page, cancel);
            page.Clear();
        }
        await SweepPage(page, cancel);
        await Finish(cancel);
        SweepInstruments.Ended(time.GetElapsedTime(began));
    }

    private async Task SweepPage(List<UnfinishedEntry> page, CancellationToken cancel)
    {
        await lists.EnsureListed([.. page.Select(entry => entry.Task)]);
        var unmarked = page.Where(entry => entry.MarkedNode is null).Select(entry => entry.Task.TaskId).ToList();
        // While the scheduler reads the index too, what it does not have yet is on its way to it: a million records are not woken for that.
        var missing = unmarked.Count == 0 || !await targets.SchedulerIsWhole() ? [] : (await targets.Missing(unmarked)).ToHashSet();
        foreach (var entry in page)
        {
            if (SweepRules.Examines(entry, !missing.Contains(entry.Task.TaskId), _sweeps, _checkEvery, time.GetUtcNow()))
                await Start(() => Mend(entry), entry.Task.TaskId, cancel);
        }
    }

    private async Task Mend(UnfinishedEntry entry)
    {
        var id = entry.Task.TaskId;
        var found = await targets.Examine(id);
        SweepInstruments.Asked();
        switch (found.Kind)
        {
            case TaskExaminationKind.Missing:
                if (!SweepRules.IsOrphan(entry.Task, time.GetUtcNow())) return;
                LogOrphan(logger, id);
                await index.Remove([id]);
                SweepInstruments.OrphanRemoved();
                break;
            case TaskExaminationKind.Pending:
                // A grant that is just being written may lose its mark here: it is set again below when next examined.
                var waiting = found.Pending ?? entry.Task;
                if (entry.MarkedNode is not null || entry.Task != waiting) await index.Return(waiting);
                if ((await targets.Missing([id])).Count == 0) break;
                await targets.Enqueue(waiting);
                SweepInstruments.Enqueued();
                break;
            case TaskExaminationKind.OnNode:
                if (entry.MarkedNode is null) await index.Mark([id], found.NodeId!);
                await Claim(id, found.NodeId!, found.Assignment!);
                break;
            case TaskExaminationKind.Ended:
                SweepInstruments.SettledAgain(); // being examined, it has posted its settlement again, which removes the entry
                break;
        }
    }

    private async Task Claim(string taskId, string nodeId, TaskAssignment assignment)
    {
        if (await targets.Claim(nodeId, new AttemptClaim(taskId, assignment.Attempt, assignment))) return;
        LogLost(logger, taskId, assignment.Attempt, nodeId);
        await targets.AttemptLost(taskId, nodeId, assignment.Attempt);
        SweepInstruments.AttemptLost();
    }

    /// <summary>Waits for a free slot, not for the work.</summary>
    private async Task Start(Func<Task> work, string subject, CancellationToken cancel)
    {
        await _slots.WaitAsync(cancel);
        _ = Guarded();

        async Task Guarded()
        {
            try
            {
                await work();
            }
            catch (Exception exception)
            {
                SweepInstruments.Failed();
                LogFailed(logger, exception, subject);
            }
            finally
            {
                _slots.Release();
            }
        }
    }

    /// <summary>All slots free: all that was started has ended.</summary>
    private async Task Finish(CancellationToken cancel)
    {
        for (var i = 0; i < Together; i++) await _slots.WaitAsync(cancel);
        _slots.Release(Together);
    }
}
