using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What `UnfinishedSweep` does: it walks the index, asks about what looks half-done, and mends it.</summary>
internal sealed partial class World
{
    private const int SweptAtOnce = 64;
    private readonly OrphanWatch _orphans = new();
    private readonly SweepSteps _sweep;
    private readonly Sweeper _sweeper = new();
    private long _sweeps;

    private void Sweep()
    {
        _sweeps++;
        _orphans.PassBegins(SweepRules.CheckEvery(_pool.Tasks.Count));
        _time.Later(0, EventKind.SweepPage, 0);
        _time.Later(_plan.SweepEvery, EventKind.Sweep);
    }

    private void SweepPage(int from)
    {
        if (!_schedulerUp) return; // it cannot be asked: the next sweep begins anew
        var found = 0;
        for (; from < _pool.Tasks.Count && found < SweptAtOnce; from++)
        {
            var task = _pool.Tasks[from];
            if (!task.InIndex) continue;
            found++;
            var entry = new UnfinishedEntry(task.Entry, task.Mark >= 0 ? _pool.Nodes[task.Mark].Id : null) { Stored = task.EntryBytes };
            if (SweepRules.Examines(entry, _core.KnowsNamed(task.Id), _sweeps, SweepRules.CheckEvery(_pool.Tasks.Count), _time.Now)) Run(_sweeper, _sweep.Mend(entry, () => TimeSpan.FromTicks(_time.Ticks)), isExclusive: false);
        }
        if (from < _pool.Tasks.Count)
        {
            _time.Later(_network.Delay(), EventKind.SweepPage, from);
            return;
        }
        foreach (var id in _core.TakeUnnamed(SweepRules.MostChecked)) Run(_sweeper, _sweep.TakeOut(id), isExclusive: false);
    }

    private void Asks(SimCommand command, SweepEffect wait)
    {
        var task = _pool.TaskOf(wait.TaskId);
        switch (wait)
        {
            case AskRecord ask:
                Figures.Swept++;
                var found = new Reply<TaskExamination>();
                Run(task, task.Rules.Examine(found), isExclusive: true, refused =>
                {
                    if (refused is not null) return; // the next sweep meets it again
                    ask.Found = found.Value;
                    Answered(command);
                });
                return;
            case RemoveEntry remove:
                remove.IsRemoved = task.InIndex && task.EntryBytes.AsSpan().SequenceEqual(remove.AsRead.Span);
                if (remove.IsRemoved) LeaveIndex(task);
                break;
            case AddEntry { OnlyIfMissing: true } when task.InIndex: break;
            case AddEntry add:
                EnterIndexOf(task);
                task.Entry = add.Task;
                break;
            case ReturnEntry back: (task.Mark, task.Entry) = (-1, back.Task); break;
            case MarkEntry mark: task.Mark = _pool.NodeOf(mark.NodeId).Number; break;
            case AskScheduler when !_schedulerUp: return;
            case AskScheduler ask: ask.IsMissing = !_core.Knows(task.Id); break;
            case Enqueue _ when _network.Loses(): return;
            case Enqueue enqueue: EnqueueArrives(task, enqueue.Task); break;
            case Dequeue when _network.Loses(): return;
            case Dequeue: RemoveArrives(task); break;
            case ClaimAttempt claim:
                var node = _pool.NodeOf(claim.NodeId);
                var held = new Reply<bool>();
                Run(node, node.Rules.Claim(claim.Claim, held), isExclusive: true, refused =>
                {
                    if (refused is not null) return;
                    claim.IsHeld = held.Value;
                    Answered(command);
                });
                return;
            case ReportLoss loss:
                Lost(new(task.Id, loss.Attempt, Causes.NodeLost, true), _pool.NodeOf(loss.NodeId), isTold =>
                {
                    if (isTold) Answered(command);
                });
                return;
        }
        Answered(command);
    }

    private void Happened(SweepMended mended)
    {
        if (mended.What == Mended.Dequeued) Figures.Dequeued++;
    }

    /// <summary>The sweeper's own process: it is never lost, and what it did not finish it meets again.</summary>
    private sealed class Sweeper : SimActor
    {
        public override bool Step(IEnumerator<Effect> command, Instant now) => command.MoveNext();
    }
}
