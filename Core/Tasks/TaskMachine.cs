using HiveMind.Scheduling;

namespace HiveMind.Tasks;

/// <summary>
/// All that is decided about one task: its life (<see cref="TaskLifecycle"/>), in which order what is decided becomes durable and is told to others. Like the node's machine
/// it neither waits nor calls: see <see cref="HiveMind.Nodes.NodeMachine"/>. Every command is one durable write; what others must learn of it is told afterwards
/// and, if that fails, found by the sweeper through the index of open tasks.
/// </summary>
public sealed class TaskMachine
{
    private readonly string _id;
    private readonly TaskPolicy _policy;
    private readonly long _process;
    private readonly ITaskEffects _to;
    private readonly TimeSpan _knownAt;
    private Instant _now;
    private TaskRecord? _task;
    private DateTimeOffset? _startedAt;
    private TimeSpan _startHeardAt;
    private int _grantedHere;

    /// <param name="id">Its name.</param>
    /// <param name="stored">Its record; null: there is none.</param>
    /// <param name="policy">The pool's.</param>
    /// <param name="process">Another for every process: what one reads off its clock says nothing to another.</param>
    /// <param name="now">When it woke up.</param>
    /// <param name="to">What carries out its effects.</param>
    public TaskMachine(string id, TaskRecord? stored, TaskPolicy policy, long process, Instant now, ITaskEffects to)
    {
        (_id, _policy, _process, _now, _to) = (id, policy, process, now, to);
        _task = stored is { Spec: not null } ? stored : null;
        _knownAt = now.Clock;
    }

    /// <summary>As it was last stored; null: there is no such task.</summary>
    public TaskRecord? Record => _task;

    private TaskTiming Now => At(default);
    private ClockReading Reading => new(_process, _now.Clock.Ticks);

    /// <summary>Takes the next step of a command. False: that was its last.</summary>
    public bool Step(IEnumerator<Effect> command, Instant now)
    {
        _now = now;
        return command.MoveNext();
    }

    public IEnumerable<Effect> Submit(TaskSpec spec, bool oneOfMany, bool mayBeOld, Reply<TaskSnapshot> reply)
    {
        if (_task is { } known)
        {
            RequireSame(known.Spec!, spec);
            foreach (var wait in Reenter(known)) yield return wait;
            if (oneOfMany && known.State == TaskState.Pending) _to.Leave();
            reply.Value = Snapshot(known);
            yield break;
        }

        if (mayBeOld)
        {
            var old = new FindEnded();
            yield return old;
            if (old.Found is { } ended)
            {
                RequireSame(ended.Spec, spec);
                reply.Value = ended;
                yield break;
            }
        }

        var born = TaskLifecycle.Birth(spec, _now.Wall, Reading);
        var pending = born.ToPending(_id);
        var entered = _now.Clock;
        yield return new EnterIndex(pending, IndexEntry.Before);
        foreach (var wait in Save(born, SaveTaskOf.Birth)) yield return wait;
        if (SweepRules.IsSlowBirth(_now.Since(entered))) yield return new EnterIndex(pending, IndexEntry.Again);
        _to.Happened(new TaskEvent.Submitted(spec));
        yield return new Announce(pending, isNew: true);
        if (oneOfMany) _to.Leave();
        reply.Value = Snapshot(born);
    }

    public IEnumerable<Effect> Cancel(Reply<TaskSnapshot> reply)
    {
        if (_task is not { } task) throw Unknown();
        if (task.State != TaskState.Cancelled)
        {
            var held = task.Current;
            var ended = TaskLifecycle.Cancel(task, Now)
                ?? throw HiveMindException.Precondition("TASK_ALREADY_ENDED", $"The task has already ended ({task.State}).");
            foreach (var wait in Save(ended, SaveTaskOf.Cancel)) yield return wait;
            _startedAt = null;
            if (held is not null) _to.Stay(TimeSpan.Zero);
            _to.Happened(new TaskEvent.Cancelled(held?.NodeId));
            if (held is not null) _to.Happened(new TaskEvent.AttemptEnded(ended));
            _to.Happened(new TaskEvent.Ended(ended));
            _to.Settle(ended);
            yield return held is null ? new Withdraw() : new DropAttempt(held.NodeId, held.Number, Causes.Cancelled);
        }
        reply.Value = Snapshot(_task);
    }

    /// <summary>The commit of an assignment: the next attempt, on that node.</summary>
    public IEnumerable<Effect> Grant(string nodeId, string ownerId, long epoch, Reply<GrantResult> reply)
    {
        if (_task is not { } task)
        {
            Forget();
            reply.Value = new(null, "MISSING");
            yield break;
        }

        var at = Now; // once: what has just not expired has time left to run
        var expired = TaskLifecycle.Expire(task, at);
        if (expired is not null)
            foreach (var wait in Expire(expired)) yield return wait;
        if (expired is not null || TaskLifecycle.Grant(task, nodeId, ownerId, epoch, at.Now, at.Age, Reading) is not { } granted)
        {
            reply.Value = new(null, _task.State.ToString());
            yield break;
        }

        var standing = new AskStanding(task.Spec!.UserId, task.Spec.Hold is { Micros: > 0 });
        yield return standing;
        if (standing.Refusal is { } refusal)
        {
            reply.Value = new(null, refusal);
            yield break;
        }

        foreach (var wait in Save(granted, SaveTaskOf.Grant)) yield return wait;
        _to.Happened(new TaskEvent.Granted(task, granted.Current!));
        _startedAt = null;
        _grantedHere = granted.Current!.Number;
        reply.Value = new(Assignment(granted), "");
    }

    /// <summary>Its program began: memory only. False: that attempt is not current. Excludes nothing.</summary>
    public bool Started(string nodeId, int attempt, Instant now)
    {
        _now = now;
        var isCurrent = _task is { } task && TaskLifecycle.IsCurrent(task, nodeId, attempt);
        Forget();
        if (!isCurrent || _startedAt is not null) return isCurrent;
        _to.Happened(new TaskEvent.Started(_task!.Spec!));
        // An activation that is gone may have heard the start long ago: from the grant on, then; the worker's own figure lowers it.
        _startedAt = _grantedHere == attempt ? now.Wall : _task.Current!.AssignedAt;
        _startHeardAt = now.Clock;
        // What was heard is memory: it stays while the run may last, so that whoever ends it is paid for what it ran.
        _to.Stay(TaskDeadlines.OverdueAfter(_task) ?? _task.Spec!.RunTimeout);
        return true;
    }

    public IEnumerable<Effect> End(string nodeId, TaskOutcomeReport report, Reply<ReportVerdict> reply)
    {
        if (_task is not { } task)
        {
            Forget();
            reply.Value = Stale(report, "There is no such task.");
            yield break;
        }

        if (!TaskLifecycle.IsCurrent(task, nodeId, report.Attempt))
        {
            reply.Value = TaskLifecycle.IsRepeated(task, nodeId, report) ? Accepted(report) : Stale(report, "This attempt is not the current one.");
            yield break;
        }

        foreach (var wait in Conclude(TaskLifecycle.End(task, report, Now))) yield return wait;
        reply.Value = Accepted(report);
    }

    /// <summary>The node is lost, or gave the attempt back.</summary>
    public IEnumerable<Effect> AttemptLost(string nodeId, int attempt, string cause, bool counts)
    {
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) yield break;
        foreach (var wait in Conclude(TaskLifecycle.Lose(task, cause, counts, "", Now))) yield return wait;
    }

    /// <summary>True: it is not the current attempt any more. False: by what was measured it may still run.</summary>
    public IEnumerable<Effect> Overdue(string nodeId, int attempt, bool measured, Reply<bool> reply)
    {
        reply.Value = true;
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) yield break;
        if (TaskLifecycle.Overdue(task, measured ? Now with { Held = TimeSpan.MaxValue } : Now) is not { } next)
        {
            reply.Value = false;
            yield break;
        }
        _to.Happened(new TaskEvent.Overdue(task.Current!));
        foreach (var wait in Conclude(next)) yield return wait;
    }

    /// <summary>Null: it waits no more. Else how long it still may.</summary>
    public IEnumerable<Effect> Expire(TimeSpan waited, Reply<TimeSpan?> reply)
    {
        if (_task is { State: TaskState.Pending } task)
        {
            var at = At(waited);
            if (TaskLifecycle.Expire(task, at) is { } expired)
            {
                foreach (var wait in Expire(expired)) yield return wait;
                reply.Value = null;
                yield break;
            }
            // Whoever asks may have an old word of it, from before an attempt: by that it would be held back for ever.
            yield return new Announce(task.ToPending(_id), isNew: false);
            reply.Value = TaskDeadlines.StartWithin(task) - at.AgeOf(task) ?? TimeSpan.MaxValue;
            yield break;
        }
        yield return new Withdraw(); // who asks takes it for one that waits: a hint got lost
        Forget();
        reply.Value = null;
    }

    /// <summary>Null: there is no such task. Excludes nothing.</summary>
    public TaskSnapshot? Snapshot(Instant now)
    {
        _now = now;
        Forget();
        return _task is { } task ? Snapshot(task) : null;
    }

    /// <summary>What its record says, settling again what has ended.</summary>
    public IEnumerable<Effect> Examine(Reply<TaskExamination> reply)
    {
        if (_task is not { } task)
        {
            _to.Leave();
            reply.Value = new(TaskExaminationKind.Missing, null, null, null);
            yield break;
        }

        if (task.IsEnded) _to.Settle(task);
        else if (TaskLifecycle.Expire(task, Now) is { } expired)
            foreach (var wait in Expire(expired)) yield return wait;
        // Only one that was heard to run while the hub was there: whose clock went on without the hub its node closes, uncounted.
        else if (_startedAt is not null && TaskLifecycle.Overdue(task, Now) is { } overdue)
        {
            var current = task.Current!;
            _to.Happened(new TaskEvent.Overdue(current));
            foreach (var wait in Conclude(overdue)) yield return wait;
            yield return new DropAttempt(current.NodeId, current.Number, Causes.RunTimeout);
        }

        reply.Value = _task switch
        {
            { IsEnded: true } => new(TaskExaminationKind.Ended, null, null, null),
            { Current: { } current } => new(TaskExaminationKind.OnNode, current.NodeId, Assignment(_task), null),
            _ => new(TaskExaminationKind.Pending, null, null, _task.ToPending(_id)),
        };
    }

    /// <summary>True: its record is not there any more. False: it has not ended, and stays.</summary>
    public IEnumerable<Effect> Erase(Reply<bool> reply)
    {
        reply.Value = _task is not { IsEnded: false };
        if (!reply.Value) yield break;
        if (_task is not null) yield return new EraseTask();
        _task = null;
        _to.Leave();
    }

    private static void RequireSame(TaskSpec known, TaskSpec asked)
    {
        if (!TaskLifecycle.SameContent(known, asked))
            throw new HiveMindException(FailureKind.AlreadyExists, "REQUEST_ID_REUSED", "This request_id was used for a different task.", "request_id");
    }

    /// <summary>Every way to a waiting task asks first whether its time to start is over, so that none is started too late whoever forgot about it.</summary>
    private IEnumerable<Effect> Expire(TaskRecord expired)
    {
        foreach (var wait in Save(expired, SaveTaskOf.Expiry)) yield return wait;
        _to.Happened(new TaskEvent.Expired(expired.Outcome!.Reason));
        _to.Happened(new TaskEvent.Ended(expired));
        _to.Settle(expired);
        yield return new Withdraw();
    }

    private IEnumerable<Effect> Conclude(TaskRecord next)
    {
        foreach (var wait in Save(next, SaveTaskOf.AttemptEnd)) yield return wait;
        _startedAt = null;
        _to.Stay(TimeSpan.Zero);
        _to.Happened(new TaskEvent.AttemptEnded(next));
        if (!next.IsEnded)
        {
            yield return new Return(next.ToPending(_id));
            yield break;
        }
        _to.Happened(new TaskEvent.Ended(next));
        _to.Settle(next);
    }

    /// <summary>
    /// Asked for again, and open: the call that made it may have died between any two steps, and is not answered for before what a sweeper
    /// finds it by stands.
    /// </summary>
    private IEnumerable<Effect> Reenter(TaskRecord known)
    {
        if (known.IsEnded) yield break;
        var pending = known.ToPending(_id);
        yield return new EnterIndex(pending, IndexEntry.Ensured);
        if (known.State == TaskState.Pending) yield return new Announce(pending, isNew: true);
    }

    /// <summary>
    /// Now, with what has been measured: within this process by its monotonic clock; of what another began, from when it was first known here,
    /// and what clocks cannot have made up.
    /// </summary>
    private TaskTiming At(TimeSpan waited)
    {
        var here = _now.Since(_knownAt);
        var held = _task?.Current is { } current ? Since(current.Granted) : null;
        var heard = _startedAt is null ? (TimeSpan?)null : _now.Since(_startHeardAt);
        return new(_id, _now.Wall, _startedAt, _policy)
        {
            Age = _task is not { } task ? null : Since(task.Born) ?? ClockTrust.AtLeast(waited > here ? waited : here, _now.Wall - task.CreatedAt),
            Held = held ?? here,
            // Heard again by an activation that did not grant it: within the process it is counted from the grant, and the worker's figure lowers it.
            Ran = heard is null || _grantedHere == _task?.Current?.Number ? heard : held ?? heard,
            IsPartial = held is null,
        };
    }

    /// <summary>Since that reading; null: it is another process's.</summary>
    private TimeSpan? Since(ClockReading reading) => reading.Process == _process ? _now.Since(TimeSpan.FromTicks(reading.Stamp)) : null;

    private IEnumerable<Effect> Save(TaskRecord next, SaveTaskOf why)
    {
        yield return new SaveTask(next, why);
        _task = next;
    }

    /// <summary>Ids that nobody submitted must not fill memory.</summary>
    private void Forget()
    {
        if (_task is null) _to.Leave();
    }

    private HiveMindException Unknown()
    {
        Forget();
        return HiveMindException.NotFound("task", _id);
    }

    private TaskAssignment Assignment(TaskRecord task) => new(_id, task.Current!.Number, task.Spec!)
    {
        RunTimeout = TaskDeadlines.RunLimit(task), OverdueAfter = TaskDeadlines.OverdueAfter(task),
    };

    private TaskSnapshot Snapshot(TaskRecord task) => task.ToSnapshot(_id, _startedAt, _policy.MaxAttempts);

    private static ReportVerdict Accepted(TaskOutcomeReport report) => new(report.TaskId, report.Attempt, ReportVerdictKind.Accepted, "", "");

    private ReportVerdict Stale(TaskOutcomeReport report, string message)
    {
        _to.Happened(new TaskEvent.RefusedAsStale());
        return new(report.TaskId, report.Attempt, ReportVerdictKind.Stale, "STALE_ATTEMPT", message);
    }
}
