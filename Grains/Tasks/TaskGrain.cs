using HiveMind.Faults;
using HiveMind.Nodes;
using HiveMind.Persistence;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;

namespace HiveMind.Tasks;

/// <summary>
/// Owns one task's state machine, its attempts, its outcome and what is owed for it. Every command is one durable write; what others
/// must learn of it is told afterwards and, if that fails, found by the sweeper through the unfinished index.
/// </summary>
[GrainType("task")]
public sealed partial class TaskGrain(
    [PersistentState("task", FloorNames.Storage)] IPersistentState<TaskRecord> state, IUnfinishedIndex index, NewTasks births, ISettlements settlements, AccountStandings standings, EndedLookup old,
    IOptions<HubOptions> options, TimeProvider time, ILogger<TaskGrain> log) : Grain, ITaskGrain
{
    private TaskRecord? _task;
    private DateTimeOffset? _startedAt;
    private int _grantedHere;

    private string Id => this.GetPrimaryKeyString();
    private Moment Now => new(Id, time.GetUtcNow(), _startedAt, TaskPolicy.From(options.Value));
    private ISchedulerGrain Scheduler => GrainFactory.GetGrain<ISchedulerGrain>(Shards.Default);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _task = state.RecordExists && state.State.Spec is not null ? state.State : null;
        return Task.CompletedTask;
    }

    public async Task<TaskSnapshot> Submit(TaskSpec spec, bool oneOfMany = false, bool mayBeOld = false)
    {
        if (_task is { } known)
        {
            RequireSame(known.Spec!, spec);
            await Reenter(known);
            if (oneOfMany && known.State == TaskState.Pending) DeactivateOnIdle();
            return Snapshot(known);
        }

        if (mayBeOld && await old.Find(Id) is { } ended)
        {
            RequireSame(ended.Spec, spec);
            return ended;
        }

        var born = TaskLifecycle.Birth(spec, time.GetUtcNow());
        var pending = born.ToPending(Id);
        var entered = time.GetTimestamp();
        await births.Enter(pending);
        Failpoint.Hit(Failpoints.SubmitAfterIndex);
        await Save(born);
        if (SweepRules.IsSlowBirth(time.GetElapsedTime(entered))) await births.EnterAgain(pending);
        TaskInstruments.Submitted(spec);
        Failpoint.Hit(Failpoints.SubmitAfterBirth);
        await Tell(() => births.Announce(pending));
        if (oneOfMany) DeactivateOnIdle();
        return Snapshot(born);
    }

    public async Task<TaskSnapshot> Cancel()
    {
        if (_task is not { } task) throw Unknown();
        if (task.State == TaskState.Cancelled) return Snapshot(task);
        var held = task.Current;
        var ended = TaskLifecycle.Cancel(task, Now)
            ?? throw HiveMindException.Precondition("TASK_ALREADY_ENDED", $"The task has already ended ({task.State}).");
        using var span = TaskSpans.End(Id, ended, Causes.Cancelled);
        await Save(ended);
        LogCancelled(Id, held?.NodeId);
        if (held is not null) TaskInstruments.AttemptEnded(ended);
        TaskInstruments.Ended(ended);
        Settle(ended);
        await Tell(() => held is null
            ? Scheduler.Remove([Id])
            : GrainFactory.GetGrain<INodeGrain>(held.NodeId).Drop(Id, held.Number, Causes.Cancelled));
        return Snapshot(ended);
    }

    public async Task<GrantResult> Grant(string nodeId, string ownerId, long epoch)
    {
        if (_task is not { } task)
        {
            Forget();
            return new(null, "MISSING");
        }

        if (await ExpireIfDue(task)) return new(null, _task.State.ToString());
        if (TaskLifecycle.Grant(task, nodeId, ownerId, epoch, time.GetUtcNow()) is not { } granted) return new(null, task.State.ToString());
        if (task.Spec!.Hold is { Micros: > 0 } && !await standings.IsCovered(task.Spec.UserId)) return new(null, GrantResult.NoCredit);
        using var span = TaskSpans.Wait(Id, task, nodeId);
        await Save(granted);
        TaskInstruments.Granted(task, granted.Current!.AssignedAt);
        _startedAt = null;
        _grantedHere = granted.Current!.Number;
        LogAssigned(Id, granted.Current!.Number, nodeId);
        return new(Assignment(granted), "");
    }

    public Task<bool> Started(string nodeId, int attempt)
    {
        var current = _task is { } task && TaskLifecycle.IsCurrent(task, nodeId, attempt);
        // An activation that is gone may have heard the start long ago: from the grant on, then; the worker's own figure lowers it.
        if (current && _startedAt is null) TaskInstruments.Started(_task!.Spec!);
        Forget();
        if (current) _startedAt ??= _grantedHere == attempt ? time.GetUtcNow() : _task!.Current!.AssignedAt;
        return Task.FromResult(current);
    }

    public async Task<ReportVerdict> End(string nodeId, TaskOutcomeReport report)
    {
        if (_task is not { } task)
        {
            Forget();
            return Stale(report, "There is no such task.");
        }

        if (!TaskLifecycle.IsCurrent(task, nodeId, report.Attempt))
            return TaskLifecycle.IsRepeated(task, nodeId, report) ? Accepted(report) : Stale(report, "This attempt is not the current one.");
        await Conclude(TaskLifecycle.End(task, report, Now));
        return Accepted(report);
    }

    public async Task AttemptLost(string nodeId, int attempt, string cause, bool countsAgainstTask)
    {
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) return;
        await Conclude(TaskLifecycle.Lose(task, cause, countsAgainstTask, "", Now));
    }

    public async Task<bool> Overdue(string nodeId, int attempt)
    {
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) return true;
        return await EndIfOverdue(task);
    }

    public async Task<bool> Expire()
    {
        if (_task is { State: TaskState.Pending } task)
        {
            if (await ExpireIfDue(task)) return true;
            // Whoever asks has an old word of it, from before an attempt: by that it would be held back for ever.
            await Tell(() => Scheduler.Enqueue([task.ToPending(Id)]));
            return false;
        }
        await Tell(() => Scheduler.Remove([Id])); // who asks takes it for one that waits: a hint got lost
        Forget();
        return true;
    }

    public Task<TaskSnapshot?> GetSnapshot()
    {
        Forget();
        return Task.FromResult(_task is { } task ? Snapshot(task) : null);
    }

    public async Task<TaskExamination> Examine()
    {
        if (_task is not { } task)
        {
            DeactivateOnIdle();
            return new(TaskExaminationKind.Missing, null, null, null);
        }

        if (task.IsEnded) Settle(task);
        else if (await ExpireIfDue(task)) task = _task;
        // Only one that was heard to run while the hub was there: whose clock went on without the hub its node closes, uncounted.
        else if (_startedAt is not null && await EndIfOverdue(task))
        {
            await Tell(() => GrainFactory.GetGrain<INodeGrain>(task.Current!.NodeId).Drop(Id, task.Current.Number, Causes.RunTimeout));
            task = _task;
        }

        return task switch
        {
            { IsEnded: true } => new(TaskExaminationKind.Ended, null, null, null),
            { Current: { } current } => new(TaskExaminationKind.OnNode, current.NodeId, Assignment(task), null),
            _ => new(TaskExaminationKind.Pending, null, null, task.ToPending(Id)),
        };
    }

    public async Task<bool> Erase()
    {
        if (_task is { IsEnded: false }) return false;
        if (_task is not null) await state.Erase(this);
        _task = null;
        DeactivateOnIdle();
        return true;
    }

    private static void RequireSame(TaskSpec known, TaskSpec asked)
    {
        if (!TaskLifecycle.SameContent(known, asked))
            throw new HiveMindException(FailureKind.AlreadyExists, "REQUEST_ID_REUSED", "This request_id was used for a different task.", "request_id");
    }

    /// <summary>Every way to a waiting task asks this first, so that none is started too late whoever forgot about it.</summary>
    private async Task<bool> ExpireIfDue(TaskRecord task)
    {
        if (TaskLifecycle.Expire(task, time.GetUtcNow()) is not { } expired) return false;
        using var span = TaskSpans.End(Id, expired, expired.Outcome!.Reason);
        await Save(expired);
        LogExpired(Id, expired.Outcome.Reason);
        TaskInstruments.Ended(expired);
        Failpoint.Hit(Failpoints.EndAfterOutcome);
        Settle(expired);
        await Tell(() => Scheduler.Remove([Id]));
        return true;
    }

    private async Task<bool> EndIfOverdue(TaskRecord task)
    {
        if (TaskLifecycle.Overdue(task, Now) is not { } next) return false;
        LogOverdue(Id, task.Current!.Number, task.Current.NodeId);
        await Conclude(next);
        return true;
    }

    private async Task Conclude(TaskRecord next)
    {
        var attempt = next.Attempts[^1];
        using var span = TaskSpans.End(Id, next, attempt.Cause);
        await Save(next);
        _startedAt = null;
        TaskInstruments.AttemptEnded(next);
        LogAttemptEnded(Id, attempt.Number, attempt.NodeId, attempt.Cause, attempt.RunMs);
        if (next.IsEnded)
        {
            TaskInstruments.Ended(next);
            Failpoint.Hit(Failpoints.EndAfterOutcome);
            Settle(next);
            return;
        }

        Failpoint.Hit(Failpoints.LostAfterAttempt);
        await Tell(async () =>
        {
            await index.Return(next.ToPending(Id));
            await Scheduler.Enqueue([next.ToPending(Id)]);
        });
    }

    /// <summary>
    /// Asked for again, and open: the call that made it may have died between any two steps, and is not answered for before what a sweeper
    /// finds it by stands.
    /// </summary>
    private async Task Reenter(TaskRecord known)
    {
        if (known.IsEnded) return;
        var pending = known.ToPending(Id);
        await births.EnsureEntered(pending);
        if (known.State == TaskState.Pending) await Tell(() => births.Announce(pending));
    }

    /// <summary>Ids that nobody submitted must not fill memory.</summary>
    private void Forget()
    {
        if (_task is null) DeactivateOnIdle();
    }

    private HiveMindException Unknown()
    {
        Forget();
        return HiveMindException.NotFound("task", Id);
    }

    private async Task Save(TaskRecord next)
    {
        await state.Commit(next, this);
        _task = next;
    }

    /// <summary>A hint to others: the sweeper repeats what does not arrive.</summary>
    private async Task Tell(Func<Task> hint)
    {
        try
        {
            await hint();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            LogHintLost(error, Id);
        }
    }

    private void Settle(TaskRecord ended) => settlements.Post(ended.ToSettlement(Id));

    private TaskAssignment Assignment(TaskRecord task) => new(Id, task.Current!.Number, task.Spec!)
    {
        RunTimeout = TaskDeadlines.RunLimit(task), OverdueAt = TaskDeadlines.OverdueAt(task),
    };

    private TaskSnapshot Snapshot(TaskRecord task) => task.ToSnapshot(Id, _startedAt, options.Value.Tasks.MaxAttempts);

    private static ReportVerdict Accepted(TaskOutcomeReport report) => new(report.TaskId, report.Attempt, ReportVerdictKind.Accepted, "", "");

    private static ReportVerdict Stale(TaskOutcomeReport report, string message)
    {
        TaskInstruments.RefusedAsStale();
        return new(report.TaskId, report.Attempt, ReportVerdictKind.Stale, "STALE_ATTEMPT", message);
    }
}
