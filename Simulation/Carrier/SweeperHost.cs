using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What `UnfinishedSweep` does: it walks the index, asks about what looks half-done, and mends it.</summary>
internal sealed class SweeperHost : IEffectHandler
{
    private const int SweptAtOnce = 64;
    private readonly SimEnvironment _env;
    private readonly Network _network;
    private readonly CommandCarrier _carrier;
    private readonly SimPool _pool;
    private readonly TaskHost _tasks;
    private readonly SchedulerHost _scheduler;
    private readonly OrphanWatch _orphans = new();
    private readonly SweepSteps _steps;
    private readonly Sweeper _actor;
    private long _sweeps;

    public SweeperHost(SimEnvironment env, Network network, CommandCarrier carrier, SimPool pool, TaskHost tasks, SchedulerHost scheduler)
    {
        (_env, _network, _carrier, _pool, _tasks, _scheduler) = (env, network, carrier, pool, tasks, scheduler);
        _steps = new SweepSteps(_orphans, Happened);
        _actor = new() { Handler = this };
    }

    public void Begin() => _env.Time.Later(_env.Plan.SweepEvery, EventKind.Sweep);

    public void Handle(in SimEvent what)
    {
        if (what.Kind == EventKind.Sweep) Sweep();
        else SweepPage(what.A);
    }

    private void Sweep()
    {
        _sweeps++;
        _orphans.PassBegins(SweepRules.CheckEvery(_pool.Tasks.Count));
        _env.Time.Later(0, EventKind.SweepPage, 0);
        _env.Time.Later(_env.Plan.SweepEvery, EventKind.Sweep);
    }

    private void SweepPage(int from)
    {
        if (!_scheduler.IsUp) return; // it cannot be asked: the next sweep begins anew
        var found = 0;
        for (; from < _pool.Tasks.Count && found < SweptAtOnce; from++)
        {
            var task = _pool.Tasks[from];
            if (!task.InIndex) continue;
            found++;
            var entry = new UnfinishedEntry(task.Entry, task.Mark >= 0 ? _pool.Nodes[task.Mark].Id : null) { Stored = task.EntryBytes };
            if (SweepRules.Examines(entry, _scheduler.Core.KnowsNamed(task.Id), _sweeps, SweepRules.CheckEvery(_pool.Tasks.Count), _env.Time.Now)) _carrier.Run(_actor, _steps.Mend(entry, () => TimeSpan.FromTicks(_env.Time.Ticks)), isExclusive: false);
        }
        if (from < _pool.Tasks.Count)
        {
            _env.Time.Later(_network.Delay(), EventKind.SweepPage, from);
            return;
        }
        foreach (var id in _scheduler.Core.TakeUnnamed(SweepRules.MostChecked)) _carrier.Run(_actor, _steps.TakeOut(id), isExclusive: false);
    }

    public void Do(SimCommand command, Effect effect, int part)
    {
        var wait = (SweepEffect)effect;
        var task = _pool.TaskOf(wait.TaskId);
        switch (wait)
        {
            case AskRecord ask:
                _env.Figures.Swept++;
                var found = new Reply<TaskExamination>();
                _carrier.Run(task, task.Rules.Examine(found), isExclusive: true, refused =>
                {
                    if (refused is not null) return; // the next sweep meets it again
                    ask.Found = found.Value;
                    _carrier.Answered(command);
                });
                return;
            case RemoveEntry remove:
                remove.IsRemoved = task.InIndex && task.EntryBytes.AsSpan().SequenceEqual(remove.AsRead.Span);
                if (remove.IsRemoved) _tasks.LeaveIndex(task);
                break;
            case AddEntry { OnlyIfMissing: true } when task.InIndex: break;
            case AddEntry add:
                _tasks.EnterIndex(task);
                task.Entry = add.Task;
                break;
            case ReturnEntry back: (task.Mark, task.Entry) = (-1, back.Task); break;
            case MarkEntry mark: task.Mark = _pool.NodeOf(mark.NodeId).Number; break;
            case AskScheduler when !_scheduler.IsUp: return;
            case AskScheduler ask: ask.IsMissing = !_scheduler.Core.Knows(task.Id); break;
            case Enqueue _ when _network.Loses(): return;
            case Enqueue enqueue: _scheduler.EnqueueArrives(task, enqueue.Task); break;
            case Dequeue when _network.Loses(): return;
            case Dequeue: _scheduler.RemoveArrives(task); break;
            case ClaimAttempt claim:
                var node = _pool.NodeOf(claim.NodeId);
                var held = new Reply<bool>();
                _carrier.Run(node, node.Rules.Claim(claim.Claim, held), isExclusive: true, refused =>
                {
                    if (refused is not null) return;
                    claim.IsHeld = held.Value;
                    _carrier.Answered(command);
                });
                return;
            case ReportLoss loss:
                _tasks.Lost(new(task.Id, loss.Attempt, Causes.NodeLost, true), _pool.NodeOf(loss.NodeId), isTold =>
                {
                    if (isTold) _carrier.Answered(command);
                });
                return;
        }
        _carrier.Answered(command);
    }

    private void Happened(SweepMended mended)
    {
        if (mended.What == Mended.Dequeued) _env.Figures.Dequeued++;
    }

    /// <summary>The sweeper's own process: it is never lost, and what it did not finish it meets again.</summary>
    private sealed class Sweeper : SimActor
    {
        public override bool Step(IEnumerator<Effect> command, Instant now) => command.MoveNext();
    }
}
