using HiveMind.Faults;
using HiveMind.Persistence;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;
using Orleans.Runtime;

namespace HiveMind.Nodes;

/// <summary>What the machine wants done, done: one way for each of its wishes, and nothing is decided here.</summary>
public sealed partial class NodeGrain : INodeEffects
{
    private readonly MeteredNode _figures = new();
    private Task<(bool? IsActive, bool HasAnswered)>? _asking;

    private async Task Do(Effect wait)
    {
        switch (wait)
        {
            case SaveNode save: await Save(save); break;
            case ForgetNode { Kept: { } kept }: await state.Commit(kept, this); break;
            case ForgetNode: await state.Erase(this); break;
            case ListNode { IsThere: true }:
                await nodes.Add(Id);
                Failpoint.Hit(Failpoints.NodeAfterIndex);
                break;
            case ListNode: await nodes.Remove(Id); break;
            case SetReminder { IsOn: true }: await this.RegisterOrUpdateReminder(LivenessReminder, ReminderPeriod, ReminderPeriod); break;
            case SetReminder:
                if (await this.GetReminder(LivenessReminder) is { } reminder) await this.UnregisterReminder(reminder);
                break;
            case AskPast past: await Ask(past); break;
            case AskOwner owner: (owner.IsActive, owner.HasAnswered) = await (_asking ??= OwnersAnswer()); break;
            case MarkTasks mark: await Mark(mark); break;
            case AskGrants grants:
                await Each(grants.Tasks, async (task, i) => grants.Answers[i] = await Grant(task, grants));
                Failpoint.Hit(Failpoints.AssignAfterGrant);
                break;
            case FindOpen find: await Find(find); break;
            case ExamineTasks examine: await Each(examine.Asked, async (report, i) => examine.Answers[i] = await Examine(report)); break;
            case TellStarts starts: await Each(starts.Started, async (start, i) => starts.IsCurrent[i] = await Tell(start)); break;
            case TellLosses losses: await Each(losses.Lost, async (lost, i) => losses.IsTold[i] = await Tell(lost)); break;
            case RecordEnds ends: await Each(ends.Reports, async (report, i) => ends.Verdicts[i] = await Record(report)); break;
            case TellScheduler tell: await Tell(tell.View); break;
            default: throw new InvalidOperationException($"Nobody does {wait.GetType().Name}.");
        }
    }

    private static Task Each<T>(IReadOnlyList<T> all, Func<T, int, Task> one) => Task.WhenAll(all.Select(one));

    private async Task Save(SaveNode save)
    {
        await state.Commit(save.Next, this);
        if (save.Why == SaveOf.Registration) Failpoint.Hit(Failpoints.NodeAfterCommit);
        if (save.Why == SaveOf.Verdict) Failpoint.Hit(Failpoints.LostAfterEpoch);
    }

    private async Task Ask(AskPast past)
    {
        try
        {
            var totals = await database.NodeTotals(Id, CancellationToken.None);
            past.HasPast = totals.Completed + totals.Failed > 0 || totals.EarnedMicros != 0;
        }
        catch (Exception)
        {
            // Not known is not nothing.
        }
    }

    /// <summary>Who asks at the same time shares the answer.</summary>
    private async Task<(bool? IsActive, bool HasAnswered)> OwnersAnswer()
    {
        try
        {
            await Task.Yield(); // who asks has this task by now
            return (await GrainFactory.GetGrain<IUserGrain>(Machine.Record!.OwnerId).GetAccount() is not { IsActive: false }, true);
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return (null, true); // its store has named it
        }
        catch (Exception error)
        {
            LogOwnerNotAsked(error, Id);
            return (null, false);
        }
        finally
        {
            _asking = null;
        }
    }

    private async Task Mark(MarkTasks mark)
    {
        Failpoint.Hit(Failpoints.AssignAfterReservation);
        try
        {
            await unfinished.Mark([.. mark.TaskIds], Id);
            mark.IsMarked = true;
        }
        catch (Exception error)
        {
            LogOfferFailed(error, Id);
            return;
        }
        Failpoint.Hit(Failpoints.AssignAfterMark);
    }

    private async Task<GrantResult?> Grant(PendingTask task, AskGrants asked)
    {
        try
        {
            return await GrainFactory.GetGrain<ITaskGrain>(task.TaskId).Grant(Id, asked.OwnerId, asked.Epoch);
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            // Nothing was granted, and in a second it is no other: it leaves the queue, and the sweeper asks it with every sweep.
            return new GrantResult(null, "RECORD_UNREADABLE");
        }
        catch (Exception error)
        {
            LogGrantFailed(error, Id, task.TaskId);
            return null;
        }
    }

    private async Task Find(FindOpen find)
    {
        try
        {
            find.Found = await unfinished.Find(find.TaskIds);
        }
        catch (Exception error)
        {
            LogNotTended(error, Id);
        }
    }

    private async Task<TaskExamination?> Examine(AttemptReport report)
    {
        try
        {
            return await GrainFactory.GetGrain<ITaskGrain>(report.TaskId).Examine();
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogLookUpFailed(error, Id, report.TaskId);
            return null;
        }
    }

    private async Task<bool?> Tell(AttemptReport start)
    {
        try
        {
            return await GrainFactory.GetGrain<ITaskGrain>(start.TaskId).Started(Id, start.Attempt);
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogReportFailed(error, Id, start.TaskId, start.Attempt);
            return null;
        }
    }

    private async Task<bool> Tell(LostAttempt lost)
    {
        try
        {
            var task = GrainFactory.GetGrain<ITaskGrain>(lost.TaskId);
            if (lost.Cause == Causes.RunTimeout) return await task.Overdue(Id, lost.Attempt, measured: true);
            await task.AttemptLost(Id, lost.Attempt, lost.Cause, lost.Counts);
            return true;
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogTaskNotTold(error, Id, lost.TaskId); // that its store has named, once
            return false;
        }
    }

    private async Task<ReportVerdict?> Record(TaskOutcomeReport report)
    {
        try
        {
            return await GrainFactory.GetGrain<ITaskGrain>(report.TaskId).End(Id, report);
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogReportFailed(error, Id, report.TaskId, report.Attempt);
            return null;
        }
    }

    private async Task Tell(NodeView? view)
    {
        try
        {
            await GrainFactory.GetGrain<ISchedulerGrain>(Shards.Default).NodeChanged(Id, view);
        }
        catch (Exception error)
        {
            LogSchedulerNotTold(error, Id); // every heartbeat tells again
        }
    }

    // ------------------------------------------------------------ what nobody waits for

    void INodeEffects.Push(object link, IReadOnlyList<TaskAssignment> attempts) => _ = TellWorker(((IWorkerLink)link).Assign(attempts));

    void INodeEffects.Kill(object link, string taskId, int attempt, string reason) => _ = TellWorker(((IWorkerLink)link).Kill(taskId, attempt, reason));

    void INodeEffects.Close(object link, string reason) => _ = TellWorker(((IWorkerLink)link).Close(reason));

    void INodeEffects.Begin(IEnumerable<Effect> command)
    {
        var task = Beside(command);
        if (task.IsCompleted) return;
        _beside.Add(task);
        _ = task.ContinueWith(_beside.Remove, TaskScheduler.Current);
    }

    void INodeEffects.Count(NodeGauges figures)
    {
        NodeInstruments.Known(_figures);
        _figures.Say(figures);
    }

    void INodeEffects.Leave() => DeactivateOnIdle();

    void INodeEffects.Happened(NodeEvent what)
    {
        switch (what)
        {
            case NodeEvent.Connected one:
                LogConnected(Id, one.Epoch);
                NodeInstruments.Connected();
                break;
            case NodeEvent.LeaseEnded one:
                LogLost(Id, one.Epoch, one.Attempts, one.Cause);
                NodeInstruments.Lost(one.Cause, one.Drained);
                break;
            case NodeEvent.CordonedForFailures one:
                LogCordonedForFailures(Id, one.Until, one.Reason);
                NodeInstruments.CordonedForFailures();
                break;
            case NodeEvent.Forgotten:
                NodeInstruments.Left(_figures);
                LogForgotten(Id);
                break;
            case NodeEvent.Cordoned { Deadline: { } deadline } one: LogDrains(Id, deadline, one.By, one.Reason); break;
            case NodeEvent.Cordoned one: LogCordoned(Id, one.By, one.Reason); break;
            case NodeEvent.Uncordoned one: LogUncordoned(Id, one.By); break;
            case NodeEvent.TriedAgain: LogTriedAgain(Id); break;
            case NodeEvent.TakenBack one: LogTakenBack(Id, one.Attempts, one.Cause); break;
            case NodeEvent.HubWasAway: LogHubWasAway(Id); break;
            case NodeEvent.Unwanted one: LogForgottenDrop(Id, one.TaskId, one.Attempt); break;
            case NodeEvent.Suspended one: LogSuspended(Id, one.OwnerId); break;
            case NodeEvent.Reinstated: LogReinstated(Id); break;
            case NodeEvent.TokenRevoked one: LogTokenRevoked(Id, one.By); break;
            case NodeEvent.HeldOff: LogHeldOff(Id); break;
            case NodeEvent.InUse: LogInUse(Id); break;
            case NodeEvent.KeptLost one: LogKeptLost(Id, one.Attempts, one.Silence); break;
        }
    }

    private async Task TellWorker(Task push)
    {
        try
        {
            await push;
        }
        catch (Exception error)
        {
            LogPushFailed(error, Id); // a push is a hint: the next heartbeat heals it
        }
    }
}
