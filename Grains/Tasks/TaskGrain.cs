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
    IOptions<HubOptions> options, TimeProvider time, ProcessClock clock, ILogger<TaskGrain> log) : Grain, ITaskGrain
{
    /// <summary>Its run is over: it leaves memory like any other.</summary>
    private static readonly TimeSpan NoDelay = TimeSpan.FromTicks(-1);

    private TaskRecord? _task;
    private readonly long _knownAt = time.GetTimestamp();
    private DateTimeOffset? _startedAt;
    private long _startHeardAt;
    private int _grantedHere;

    private string Id => this.GetPrimaryKeyString();
    private Moment Now => At(default);
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

        var born = TaskLifecycle.Birth(spec, time.GetUtcNow(), clock.Read());
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
        if (held is not null) DelayDeactivation(NoDelay);
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

        var at = Now; // once: what has just not expired has time left to run
        if (await ExpireIfDue(task, at)) return new(null, _task.State.ToString());
        if (TaskLifecycle.Grant(task, nodeId, ownerId, epoch, at.Now, at.Age, clock.Read()) is not { } granted) return new(null, task.State.ToString());
        if (await standings.Refusal(task.Spec!.UserId, task.Spec.Hold is { Micros: > 0 }) is { } refusal) return new(null, refusal);
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
        if (current && _startedAt is null)
        {
            _startedAt = _grantedHere == attempt ? time.GetUtcNow() : _task!.Current!.AssignedAt;
            _startHeardAt = time.GetTimestamp();
            // What was heard is memory: it stays while the run may last, so that whoever ends it is paid for what it ran.
            DelayDeactivation(TaskDeadlines.OverdueAfter(_task!) ?? _task!.Spec!.RunTimeout);
        }

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

    public async Task<bool> Overdue(string nodeId, int attempt, bool measured = false)
    {
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) return true;
        return await EndIfOverdue(task, measured ? Now with { Held = TimeSpan.MaxValue } : Now);
    }

    public async Task<TimeSpan?> Expire(TimeSpan waited = default)
    {
        if (_task is { State: TaskState.Pending } task)
        {
            var at = At(waited);
            if (await ExpireIfDue(task, at)) return null;
            // Whoever asks may have an old word of it, from before an attempt: by that it would be held back for ever.
            await Tell(() => Scheduler.Enqueue([task.ToPending(Id)]));
            return TaskDeadlines.StartWithin(task) - at.AgeOf(task) ?? TimeSpan.MaxValue;
        }
        await Tell(() => Scheduler.Remove([Id])); // who asks takes it for one that waits: a hint got lost
        Forget();
        return null;
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
        else if (await ExpireIfDue(task, Now)) task = _task;
        // Only one that was heard to run while the hub was there: whose clock went on without the hub its node closes, uncounted.
        else if (_startedAt is not null && await EndIfOverdue(task, Now))
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
    private async Task<bool> ExpireIfDue(TaskRecord task, Moment at)
    {
        if (TaskLifecycle.Expire(task, at) is not { } expired) return false;
        using var span = TaskSpans.End(Id, expired, expired.Outcome!.Reason);
        await Save(expired);
        LogExpired(Id, expired.Outcome.Reason);
        TaskInstruments.Ended(expired);
        Failpoint.Hit(Failpoints.EndAfterOutcome);
        Settle(expired);
        await Tell(() => Scheduler.Remove([Id]));
        return true;
    }

    private async Task<bool> EndIfOverdue(TaskRecord task, Moment at)
    {
        if (TaskLifecycle.Overdue(task, at) is not { } next) return false;
        LogOverdue(Id, task.Current!.Number, task.Current.NodeId);
        await Conclude(next);
        return true;
    }

    /// <summary>
    /// Now, with what has been measured: within this process by its monotonic clock; of what another began, from when it was first known here,
    /// and what clocks cannot have made up.
    /// </summary>
    private Moment At(TimeSpan waited)
    {
        var now = time.GetUtcNow();
        var here = time.GetElapsedTime(_knownAt);
        var held = _task?.Current is { } current ? clock.Since(current.Granted) : null;
        var heard = _startedAt is null ? (TimeSpan?)null : time.GetElapsedTime(_startHeardAt);
        return new(Id, now, _startedAt, TaskPolicy.From(options.Value))
        {
            Age = _task is not { } task ? null : clock.Since(task.Born) ?? ProcessClock.AtLeast(waited > here ? waited : here, now - task.CreatedAt),
            Held = held ?? here,
            // Heard again by an activation that did not grant it: within the process it is counted from the grant, and the worker's figure lowers it.
            Ran = heard is null || _grantedHere == _task?.Current?.Number ? heard : held ?? heard,
            IsPartial = held is null,
        };
    }

    private async Task Conclude(TaskRecord next)
    {
        var attempt = next.Attempts[^1];
        using var span = TaskSpans.End(Id, next, attempt.Cause);
        await Save(next);
        _startedAt = null;
        DelayDeactivation(NoDelay);
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
        RunTimeout = TaskDeadlines.RunLimit(task), OverdueAfter = TaskDeadlines.OverdueAfter(task),
    };

    private TaskSnapshot Snapshot(TaskRecord task) => task.ToSnapshot(Id, _startedAt, options.Value.Tasks.MaxAttempts);

    private static ReportVerdict Accepted(TaskOutcomeReport report) => new(report.TaskId, report.Attempt, ReportVerdictKind.Accepted, "", "");

    private static ReportVerdict Stale(TaskOutcomeReport report, string message)
    {
        TaskInstruments.RefusedAsStale();
        return new(report.TaskId, report.Attempt, ReportVerdictKind.Stale, "STALE_ATTEMPT", message);
    }
}
