using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What `UnfinishedSweep` does: it walks the index, asks about what looks half-done, and mends it.</summary>
internal sealed partial class World
{
    private const int SweptAtOnce = 64;
    private long _sweeps;

    private void Sweep()
    {
        _sweeps++;
        Later(0, EventKind.SweepPage, 0);
        Later(_plan.SweepEvery, EventKind.Sweep);
    }

    private void SweepPage(int from)
    {
        if (!_schedulerUp) return; // it cannot be asked: the next sweep begins anew
        var found = 0;
        for (; from < _tasks.Count && found < SweptAtOnce; from++)
        {
            var task = _tasks[from];
            if (!task.InIndex) continue;
            found++;
            var entry = new UnfinishedEntry(task.Entry, task.Mark >= 0 ? _nodes[task.Mark].Id : null);
            if (SweepRules.Examines(entry, _core.KnowsNamed(task.Id), _sweeps, SweepRules.CheckEvery(_tasks.Count), _now)) Later(Delay(), EventKind.Mend, task.Number);
        }
        if (from < _tasks.Count) Later(Delay(), EventKind.SweepPage, from);
        else foreach (var id in _core.TakeUnnamed(SweepRules.MostChecked)) Later(Delay(), EventKind.Dequeue, TaskOf(id).Number);
    }

    private void Dequeue(SimTask task)
    {
        if (task.Record is not (null or { IsEnded: true })) return;
        Figures.Dequeued++;
        Send(EventKind.Remove, task.Number);
    }

    private void Mend(SimTask task)
    {
        Figures.Swept++;
        Expire(task);
        if (task is { StartedAt: not null, Record: { Current: not null } late } && TaskLifecycle.Overdue(late, At(task)) is { } overdue)
        {
            var held = late.Current;
            Save(task, overdue);
            Concluded(task);
            Send(EventKind.DropArrives, NodeOf(held.NodeId).Number, task.Number, held.Number);
        }
        switch (task.Record)
        {
            case null:
                if (task.MissedSince < 0) task.MissedSince = _clock.Ticks;
                else if (SweepRules.IsOrphan(TimeSpan.FromTicks(_clock.Ticks - task.MissedSince))) LeaveIndex(task);
                break;
            case { IsEnded: true }:
                Later(Delay(), EventKind.LeaveIndex, task.Number); // settled again
                break;
            case { Current: { } current }:
                task.Mark = NodeOf(current.NodeId).Number;
                Later(Delay(), EventKind.Claim, task.Number, task.Mark, Assignment(task));
                break;
            case { } waiting:
                task.Mark = -1;
                task.Entry = waiting.ToPending(task.Id);
                if (_schedulerUp && !_core.Knows(task.Id)) Send(EventKind.Enqueue, task.Number, body: task.Entry);
                break;
        }
    }

    private void Claim(SimTask task, int number, TaskAssignment assignment)
    {
        var node = _nodes[number];
        if (node.Registered && Claims(node, assignment)) return;
        Call(EventKind.AttemptLost, task.Number, number, new LostWord(task.Number, number, assignment.Attempt, Causes.NodeLost, true));
    }
}
