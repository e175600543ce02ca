using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>
/// One pass over both indexes that finishes half-done steps. One failure is logged and the rest goes on: the next pass meets it again. An
/// entry that cannot be read stops nothing either: its task's own record is asked, and says all that is needed.
/// </summary>
public sealed partial class UnfinishedSweep(
    IUnfinishedIndex index, IOpenTasks lists, INodeIndex nodes, ISweepTargets targets, TimeProvider time, ILogger<UnfinishedSweep> logger)
{
    private const int Together = 32;
    private const int Page = 1000;
    /// <summary>Unreadable entries that one pass names in the log.</summary>
    private const int MostNamed = 10;

    private readonly SemaphoreSlim _slots = new(Together);
    private readonly OrphanWatch _orphans = new(time);
    private long _sweeps, _checkEvery;
    /// <summary>This pass has asked the scheduler for all that the index has.</summary>
    private bool _askedForAll;

    /// <summary>Entries that the last pass of this sweep could not read.</summary>
    public long Unreadable { get; private set; }

    /// <summary>Throws when an index cannot be read or the scheduler cannot be asked.</summary>
    public async Task Run(CancellationToken cancel)
    {
        _sweeps++;
        var began = time.GetTimestamp();
        _orphans.PassBegins();
        _askedForAll = true;
        _checkEvery = SweepRules.CheckEvery(await index.Count());
        foreach (var node in await nodes.All()) await Start(() => targets.Touch(node), node, cancel);
        var page = new List<UnfinishedEntry>(Page);
        var unreadable = new UnreadableEntries(SweepRules.AskEvery(Unreadable), _sweeps);
        await foreach (var entry in index.Scan(cancel, unreadable.Add))
        {
            page.Add(entry);
            if (page.Count < Page) continue;
            await SweepPage(page, cancel);
            page.Clear();
        }
        await SweepPage(page, cancel);
        await AskFor([.. unreadable.Asked.Select(entry => entry.TaskId)]);
        foreach (var entry in unreadable.Asked) await Start(() => Mend(entry), entry.TaskId, cancel);
        await Finish(cancel);
        await EmptyQueue(cancel);
        _orphans.PassEnded();
        Report(unreadable);
        SweepInstruments.Ended(time.GetElapsedTime(began));
    }

    private async Task SweepPage(List<UnfinishedEntry> page, CancellationToken cancel)
    {
        await lists.EnsureListed([.. page.Select(entry => entry.Task)]);
        var missing = await AskFor([.. page.Select(entry => entry.Task.TaskId)]);
        foreach (var entry in page)
        {
            if (SweepRules.Examines(entry, !missing.Contains(entry.Task.TaskId), _sweeps, _checkEvery, time.GetUtcNow()))
                await Start(() => Mend(entry), entry.Task.TaskId, cancel);
        }
    }

    /// <summary>Those among these that the scheduler does not have. While it reads the index too, they are on their way to it: a million records are not woken for that.</summary>
    private async Task<HashSet<string>> AskFor(IReadOnlyList<string> taskIds)
    {
        if (taskIds.Count == 0) return [];
        if (await targets.SchedulerIsWhole()) return [.. await targets.Missing(taskIds)];
        _askedForAll = false;
        return [];
    }

    /// <summary>The other way round: what the scheduler has and the index has not. One that no node can run would stay in its queue until it is made anew.</summary>
    private async Task EmptyQueue(CancellationToken cancel)
    {
        if (!_askedForAll) return;
        try
        {
            foreach (var id in await targets.TakeUnnamed(SweepRules.MostChecked)) await Start(() => Dequeue(id), id, cancel);
        }
        catch (Exception exception) when (!cancel.IsCancellationRequested)
        {
            // All else is done; a scheduler of an older program does not know the question.
            SweepInstruments.Failed();
            LogFailed(logger, exception, "scheduler");
        }
        await Finish(cancel);
    }

    /// <summary>Unless its record says that it waits: then the index has it again.</summary>
    private async Task Dequeue(string id)
    {
        var found = await Examine(id);
        if (found.Pending is { } waiting) await index.AddMissing([waiting]);
        if (found.Kind is not (TaskExaminationKind.Ended or TaskExaminationKind.Missing)) return;
        await targets.Dequeue(id);
        SweepInstruments.Dequeued();
    }

    private async Task Mend(UnfinishedEntry entry)
    {
        var id = entry.Task.TaskId;
        var found = await Examine(id);
        if (found.Kind == TaskExaminationKind.Missing)
        {
            found = await RemoveOrphan(id, entry.Stored);
            if (found.Kind == TaskExaminationKind.Missing) return;
            await index.Add([found.Pending ?? entry.Task]);
        }
        if (found.Kind == TaskExaminationKind.Pending)
        {
            // A grant that is just being written may lose its mark here: it is set again below when next examined.
            var waiting = found.Pending ?? entry.Task;
            if (entry.MarkedNode is not null || entry.Task != waiting) await index.Return(waiting);
        }
        await Finish(id, entry.MarkedNode, found);
    }

    /// <summary>By its record alone. A damaged entry is written anew as soon as the record says what it should be; a newer one is left as it is.</summary>
    private async Task Mend(UnreadableEntry entry)
    {
        var found = await Examine(entry.TaskId);
        if (found.Kind == TaskExaminationKind.Missing)
        {
            if (entry.IsNewer || (found = await RemoveOrphan(entry.TaskId, entry.Stored)).Kind == TaskExaminationKind.Missing) return;
            if (found.Pending is not null) await index.Add([found.Pending]);
        }
        if (found is { Kind: TaskExaminationKind.Pending, Pending: { } waiting } && !entry.IsNewer) await index.Return(waiting);
        await Finish(entry.TaskId, entry.MarkedNode, found);
    }

    /// <summary>What is the same however its entry reads.</summary>
    private async Task Finish(string id, string? markedNode, TaskExamination found)
    {
        switch (found.Kind)
        {
            case TaskExaminationKind.Pending:
                if (found.Pending is not { } waiting || (await targets.Missing([id])).Count == 0) break;
                await targets.Enqueue(waiting);
                SweepInstruments.Enqueued();
                break;
            case TaskExaminationKind.OnNode:
                if (markedNode is null) await index.Mark([id], found.NodeId!);
                await Claim(id, found.NodeId!, found.Assignment!);
                break;
            case TaskExaminationKind.Ended:
                SweepInstruments.SettledAgain(); // being examined, it has posted its settlement again, which removes the entry
                break;
        }
    }

    private Task<TaskExamination> Examine(string taskId)
    {
        SweepInstruments.Asked();
        return targets.Examine(taskId);
    }

    /// <summary>
    /// What a submit left behind that never came to its end: found without a record for long enough, still as it was read, and asked once
    /// more when it is gone. So a submit that goes on just now, after a freeze, is either found here or enters its task again by itself.
    /// </summary>
    private async Task<TaskExamination> RemoveOrphan(string taskId, ReadOnlyMemory<byte> stored)
    {
        if (!_orphans.IsOrphan(taskId, stored) || !await index.RemoveAsRead(taskId, stored)) return OrphanWatch.Missing;
        var found = await targets.Examine(taskId);
        if (found.Kind != TaskExaminationKind.Missing) return found;
        LogOrphan(logger, taskId);
        SweepInstruments.OrphanRemoved();
        return found;
    }

    private async Task Claim(string taskId, string nodeId, TaskAssignment assignment)
    {
        if (await targets.Claim(nodeId, new AttemptClaim(taskId, assignment.Attempt, assignment))) return;
        LogLost(logger, taskId, assignment.Attempt, nodeId);
        await targets.AttemptLost(taskId, nodeId, assignment.Attempt);
        SweepInstruments.AttemptLost();
    }

    private void Report(UnreadableEntries unreadable)
    {
        Unreadable = unreadable.Count;
        SweepFindings.Note(unreadable.Count);
        if (unreadable.Count == 0) return;
        LogUnreadable(logger, unreadable.Count, unreadable.Newer, string.Join(", ", unreadable.Asked.Take(MostNamed).Select(entry => entry.TaskId)));
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
            catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
            {
                SweepInstruments.Failed(); // its store has named it; it is asked again, and left as it is
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

    /// <summary>What one pass could not read: all are counted, about <see cref="SweepRules.MostChecked"/> of them kept to be asked.</summary>
    private sealed class UnreadableEntries(long askEvery, long sweep)
    {
        private readonly List<UnreadableEntry> _asked = [];

        public long Count { get; private set; }
        public long Newer { get; private set; }
        public IReadOnlyList<UnreadableEntry> Asked => _asked;

        public void Add(UnreadableEntry entry)
        {
            Count++;
            if (entry.IsNewer) Newer++;
            if (_asked.Count < 2 * SweepRules.MostChecked && SweepRules.IsTurnOf(entry.TaskId, sweep, askEvery)) _asked.Add(entry);
        }
    }
}
