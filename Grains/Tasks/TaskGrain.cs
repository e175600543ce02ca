using System.Diagnostics;
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
/// Carries a <see cref="TaskMachine"/>, in which all is decided: each call becomes a command, its steps are taken in the grain's turns, and what they
/// want done is done between them.
/// </summary>
[GrainType("task")]
public sealed partial class TaskGrain(
    [PersistentState("task", StateStoreNames.Storage)] IPersistentState<TaskRecord> state, IUnfinishedIndex index, NewTasks births, ISettlements settlements, AccountStandings standings, EndedLookup old,
    IOptions<HubOptions> options, ProcessClock clock, ILogger<TaskGrain> log) : Grain, ITaskGrain, ITaskEffects
{
    /// <summary>Its run is over: it leaves memory like any other.</summary>
    private static readonly TimeSpan NoDelay = TimeSpan.FromTicks(-1);

    private TaskMachine _machine = null!;

    private string Id => this.GetPrimaryKeyString();
    private ISchedulerGrain Scheduler => GrainFactory.GetGrain<ISchedulerGrain>(Shards.Default);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _machine = new TaskMachine(Id, state.RecordExists ? state.State : null, TaskPolicy.From(options.Value), clock.Process, clock.Now, this);
        return Task.CompletedTask;
    }

    public Task<TaskSnapshot> Submit(TaskSpec spec, bool oneOfMany = false, bool mayBeOld = false) => Answer(new Reply<TaskSnapshot>(), reply => _machine.Submit(spec, oneOfMany, mayBeOld, reply));

    public Task<TaskSnapshot> Cancel() => Answer(new Reply<TaskSnapshot>(), _machine.Cancel);

    public Task<GrantResult> Grant(string nodeId, string ownerId, long epoch) => Answer(new Reply<GrantResult>(), reply => _machine.Grant(nodeId, ownerId, epoch, reply));

    public Task<bool> Started(string nodeId, int attempt) => Task.FromResult(_machine.Started(nodeId, attempt, clock.Now));

    public Task<ReportVerdict> End(string nodeId, TaskOutcomeReport report) => Answer(new Reply<ReportVerdict>(), reply => _machine.End(nodeId, report, reply));

    public Task AttemptLost(string nodeId, int attempt, string cause, bool countsAgainstTask) => Carry(_machine.AttemptLost(nodeId, attempt, cause, countsAgainstTask));

    public Task<bool> Overdue(string nodeId, int attempt, bool measured = false) => Answer(new Reply<bool>(), reply => _machine.Overdue(nodeId, attempt, measured, reply));

    public Task<TimeSpan?> Expire(TimeSpan waited = default) => Answer(new Reply<TimeSpan?>(), reply => _machine.Expire(waited, reply));

    public Task<TaskSnapshot?> GetSnapshot() => Task.FromResult(_machine.Snapshot(clock.Now));

    public Task<TaskExamination> Examine() => Answer(new Reply<TaskExamination>(), _machine.Examine);

    public Task<bool> Erase() => Answer(new Reply<bool>(), _machine.Erase);

    // ------------------------------------------------------------ steps

    private async Task<T> Answer<T>(Reply<T> reply, Func<Reply<T>, IEnumerable<Effect>> command)
    {
        await Carry(command(reply));
        return reply.Value;
    }

    /// <summary>Takes a command's steps, and does between them what they want done. A write that fails ends it, and the activation.</summary>
    private async Task Carry(IEnumerable<Effect> command)
    {
        using var steps = command.GetEnumerator();
        while (_machine.Step(steps, clock.Now)) await Do(steps.Current);
    }

    private Task Do(Effect wait) => wait switch
    {
        SaveTask save => Save(save),
        EraseTask => state.Erase(this),
        FindEnded find => Find(find),
        EnterIndex enter => Enter(enter),
        AskStanding ask => Ask(ask),
        Hint hint => Tell(hint),
        _ => throw new InvalidOperationException($"Nobody does {wait.GetType().Name}."),
    };

    private async Task Find(FindEnded find) => find.Found = await old.Find(Id);

    private async Task Ask(AskStanding ask) => ask.Refusal = await standings.Refusal(ask.UserId, ask.IsHeld);

    private async Task Enter(EnterIndex enter)
    {
        switch (enter.How)
        {
            case IndexEntry.Before:
                await births.Enter(enter.Task);
                Failpoint.Hit(Failpoints.SubmitAfterIndex);
                break;
            case IndexEntry.Again: await births.EnterAgain(enter.Task); break;
            default: await births.EnsureEntered(enter.Task); break;
        }
    }

    private async Task Save(SaveTask save)
    {
        using var span = Span(save);
        await state.Commit(save.Next, this);
        switch (save)
        {
            case { Why: SaveTaskOf.Birth }: Failpoint.Hit(Failpoints.SubmitAfterBirth); break;
            case { Why: SaveTaskOf.Expiry } or { Why: SaveTaskOf.AttemptEnd, Next.IsEnded: true }: Failpoint.Hit(Failpoints.EndAfterOutcome); break;
            case { Why: SaveTaskOf.AttemptEnd }: Failpoint.Hit(Failpoints.LostAfterAttempt); break;
        }
    }

    private Activity? Span(SaveTask save) => save.Why switch
    {
        SaveTaskOf.Birth => null,
        SaveTaskOf.Grant => TaskSpans.Wait(Id, _machine.Record!, save.Next.Current!.NodeId),
        SaveTaskOf.AttemptEnd => TaskSpans.End(Id, save.Next, save.Next.Attempts[^1].Cause),
        _ => TaskSpans.End(Id, save.Next, save.Next.Outcome!.Reason),
    };

    /// <summary>The sweeper repeats what does not arrive.</summary>
    private async Task Tell(Hint hint)
    {
        try
        {
            switch (hint)
            {
                case Announce { IsNew: true } announce: await births.Announce(announce.Task); break;
                case Announce announce: await Scheduler.Enqueue([announce.Task]); break;
                case Return back:
                    await index.Return(back.Task);
                    await Scheduler.Enqueue([back.Task]);
                    break;
                case Withdraw: await Scheduler.Remove([Id]); break;
                case DropAttempt drop: await GrainFactory.GetGrain<INodeGrain>(drop.NodeId).Drop(Id, drop.Attempt, drop.Cause); break;
            }
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            LogHintLost(error, Id);
        }
    }

    void ITaskEffects.Settle(TaskRecord ended) => settlements.Post(ended.ToSettlement(Id));

    void ITaskEffects.Stay(TimeSpan time) => DelayDeactivation(time > TimeSpan.Zero ? time : NoDelay);

    void ITaskEffects.Leave() => DeactivateOnIdle();

    void ITaskEffects.Happened(TaskEvent what)
    {
        switch (what)
        {
            case TaskEvent.Submitted one: TaskInstruments.Submitted(one.Spec); break;
            case TaskEvent.Granted one:
                TaskInstruments.Granted(one.Before, one.Attempt.AssignedAt);
                LogAssigned(Id, one.Attempt.Number, one.Attempt.NodeId);
                break;
            case TaskEvent.Started one: TaskInstruments.Started(one.Spec); break;
            case TaskEvent.AttemptEnded { After.Attempts: [.., var last] } one:
                TaskInstruments.AttemptEnded(one.After);
                LogAttemptEnded(Id, last.Number, last.NodeId, last.Cause, last.RunMs);
                break;
            case TaskEvent.Ended one: TaskInstruments.Ended(one.Task); break;
            case TaskEvent.Cancelled one: LogCancelled(Id, one.NodeId); break;
            case TaskEvent.Expired one: LogExpired(Id, one.Reason); break;
            case TaskEvent.Overdue one: LogOverdue(Id, one.Attempt.Number, one.Attempt.NodeId); break;
            case TaskEvent.RefusedAsStale: TaskInstruments.RefusedAsStale(); break;
        }
    }
}
