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
    [PersistentState("task", FloorNames.Storage)] IPersistentState<TaskRecord> state, IUnfinishedIndex index, NewTasks births, ISettlements settlements,
    IOptions<HubOptions> options, TimeProvider time, ILogger<TaskGrain> log) : Grain, ITaskGrain
{
    private TaskRecord? _task;
    private DateTimeOffset? _startedAt;
    private int _grantedHere;

    private string Id => this.GetPrimaryKeyString();
    private TaskOptions Limits => options.Value.Tasks;
    private RewardRates Rates => RewardRates.From(options.Value.Rewards);
    private ISchedulerGrain Scheduler => GrainFactory.GetGrain<ISchedulerGrain>(Shards.Default);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _task = state.RecordExists && state.State.Spec is not null ? state.State : null;
        return Task.CompletedTask;
    }

    public async Task<TaskSnapshot> Submit(TaskSpec spec, bool oneOfMany = false)
    {
        if (_task is { } known)
        {
            if (oneOfMany && known.State == TaskState.Pending) DeactivateOnIdle();
            if (TaskLifecycle.SameContent(known.Spec!, spec)) return Snapshot(known);
            throw new HiveMindException(FailureKind.AlreadyExists, "REQUEST_ID_REUSED", "This request_id was used for a different task.", "request_id");
        }

        var born = TaskLifecycle.Birth(spec, time.GetUtcNow());
        var pending = born.ToPending(Id);
        await births.Enter(pending);
        Failpoint.Hit(Failpoints.SubmitAfterIndex);
        await Save(born);
        TaskInstruments.Submitted(spec);
        Failpoint.Hit(Failpoints.SubmitAfterBirth);
        await Tell(() => births.Announce(pending));
        if (oneOfMany) DeactivateOnIdle();
        return Snapshot(born);
    }

    public async Task<TaskSnapshot> Cancel()
    {
        var task = _task ?? throw HiveMindException.NotFound("task", Id);
        if (task.State == TaskState.Cancelled) return Snapshot(task);
        var held = task.Current;
        var ended = TaskLifecycle.Cancel(task, _startedAt, time.GetUtcNow(), Rates)
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
        if (_task is not { } task) return new(null, "MISSING");
        if (TaskLifecycle.Grant(task, nodeId, ownerId, epoch, time.GetUtcNow()) is not { } granted) return new(null, task.State.ToString());
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
        if (current) _startedAt ??= _grantedHere == attempt ? time.GetUtcNow() : _task!.Current!.AssignedAt;
        return Task.FromResult(current);
    }

    public async Task<ReportVerdict> End(string nodeId, TaskOutcomeReport report)
    {
        if (_task is not { } task) return Stale(report, "There is no such task.");
        if (!TaskLifecycle.IsCurrent(task, nodeId, report.Attempt))
            return TaskLifecycle.IsRepeated(task, nodeId, report) ? Accepted(report) : Stale(report, "This attempt is not the current one.");
        await Conclude(TaskLifecycle.End(task, report, _startedAt, time.GetUtcNow(), Rates, Limits.MaxAttempts), report.Cause);
        return Accepted(report);
    }

    public async Task AttemptLost(string nodeId, int attempt, string cause, bool countsAgainstTask)
    {
        if (_task is not { } task || !TaskLifecycle.IsCurrent(task, nodeId, attempt)) return;
        await Conclude(TaskLifecycle.Lose(task, cause, countsAgainstTask, "", _startedAt, time.GetUtcNow(), Limits.MaxAttempts), cause);
    }

    public Task<TaskSnapshot?> GetSnapshot()
    {
        if (_task is null) DeactivateOnIdle(); // ids that nobody submitted must not fill memory
        return Task.FromResult(_task is { } task ? Snapshot(task) : null);
    }

    public Task<TaskExamination> Examine()
    {
        if (_task is not { } task)
        {
            DeactivateOnIdle();
            return Task.FromResult(new TaskExamination(TaskExaminationKind.Missing, null, null, null));
        }

        if (task.IsEnded) Settle(task);
        return Task.FromResult(task switch
        {
            { IsEnded: true } => new TaskExamination(TaskExaminationKind.Ended, null, null, null),
            { Current: { } current } => new TaskExamination(TaskExaminationKind.OnNode, current.NodeId, Assignment(task), null),
            _ => new TaskExamination(TaskExaminationKind.Pending, null, null, task.ToPending(Id)),
        });
    }

    private async Task Conclude(TaskRecord next, string cause)
    {
        var attempt = next.Attempts[^1];
        using var span = TaskSpans.End(Id, next, cause);
        await Save(next);
        _startedAt = null;
        TaskInstruments.AttemptEnded(next);
        LogAttemptEnded(Id, attempt.Number, attempt.NodeId, cause, attempt.RunMs);
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
            await index.Unmark(Id);
            await Scheduler.Enqueue([next.ToPending(Id)]);
        });
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

    private TaskAssignment Assignment(TaskRecord task) => new(Id, task.Current!.Number, task.Spec!);

    private TaskSnapshot Snapshot(TaskRecord task) => task.ToSnapshot(Id, _startedAt, Limits.MaxAttempts);

    private static ReportVerdict Accepted(TaskOutcomeReport report) => new(report.TaskId, report.Attempt, ReportVerdictKind.Accepted, "", "");

    private static ReportVerdict Stale(TaskOutcomeReport report, string message)
    {
        TaskInstruments.RefusedAsStale();
        return new(report.TaskId, report.Attempt, ReportVerdictKind.Stale, "STALE_ATTEMPT", message);
    }
}
