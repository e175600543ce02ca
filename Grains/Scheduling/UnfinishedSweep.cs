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
    private readonly OrphanWatch _orphans = new();
    private readonly long _began = time.GetTimestamp();
    private SweepSteps? _steps;
    private long _sweeps, _checkEvery;
    /// <summary>This pass has asked the scheduler for all that the index has.</summary>
    private bool _askedForAll;

    private SweepSteps Steps => _steps ??= new(_orphans, Happened);

    /// <summary>Entries that the last pass of this sweep could not read.</summary>
    public long Unreadable { get; private set; }

    /// <summary>Throws when an index cannot be read or the scheduler cannot be asked.</summary>
    public async Task Run(CancellationToken cancel)
    {
        _sweeps++;
        var began = time.GetTimestamp();
        _askedForAll = true;
        _checkEvery = SweepRules.CheckEvery(await index.Count());
        _orphans.PassBegins(_checkEvery);
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
        foreach (var entry in unreadable.Asked) await Start(() => Carry(Steps.Mend(entry, Clock)), entry.TaskId, cancel);
        await Finish(cancel);
        await EmptyQueue(cancel);
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
                await Start(() => Carry(Steps.Mend(entry, Clock)), entry.Task.TaskId, cancel);
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
            foreach (var id in await targets.TakeUnnamed(SweepRules.MostChecked)) await Start(() => Carry(Steps.TakeOut(id)), id, cancel);
        }
        catch (Exception exception) when (!cancel.IsCancellationRequested)
        {
            // All else is done; a scheduler of an older program does not know the question.
            SweepInstruments.Failed();
            LogFailed(logger, exception, "scheduler");
        }
        await Finish(cancel);
    }

    private TimeSpan Clock() => time.GetElapsedTime(_began);

    /// <summary>Takes the steps that mend one entry, and does between them what they want done.</summary>
    private async Task Carry(IEnumerable<Effect> steps)
    {
        foreach (var wait in steps) await Do(wait);
    }

    private async Task Do(Effect wait)
    {
        switch (wait)
        {
            case AskRecord ask:
                SweepInstruments.Asked();
                ask.Found = await targets.Examine(ask.TaskId);
                break;
            case RemoveEntry remove: remove.IsRemoved = await index.RemoveAsRead(remove.TaskId, remove.AsRead); break;
            case AddEntry { OnlyIfMissing: true } add: await index.AddMissing([add.Task]); break;
            case AddEntry add: await index.Add([add.Task]); break;
            case ReturnEntry back: await index.Return(back.Task); break;
            case MarkEntry mark: await index.Mark([mark.TaskId], mark.NodeId); break;
            case AskScheduler ask: ask.IsMissing = (await targets.Missing([ask.TaskId])).Count > 0; break;
            case Enqueue enqueue: await targets.Enqueue(enqueue.Task); break;
            case Dequeue dequeue: await targets.Dequeue(dequeue.TaskId); break;
            case ClaimAttempt claim: claim.IsHeld = await targets.Claim(claim.NodeId, claim.Claim); break;
            case ReportLoss loss: await targets.AttemptLost(loss.TaskId, loss.NodeId, loss.Attempt); break;
            default: throw new InvalidOperationException($"Nobody does {wait.GetType().Name}.");
        }
    }

    private void Happened(SweepMended mended)
    {
        switch (mended.What)
        {
            case Mended.Orphan:
                LogOrphan(logger, mended.TaskId);
                SweepInstruments.OrphanRemoved();
                break;
            case Mended.Lost:
                LogLost(logger, mended.TaskId, mended.Attempt, mended.NodeId);
                SweepInstruments.AttemptLost();
                break;
            case Mended.Enqueued: SweepInstruments.Enqueued(); break;
            case Mended.Dequeued: SweepInstruments.Dequeued(); break;
            case Mended.Settled: SweepInstruments.SettledAgain(); break;
        }
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
