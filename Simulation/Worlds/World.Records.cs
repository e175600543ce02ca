using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What `TaskGrain` does, on the same rules: every command one write, a write that fails may have happened.</summary>
internal sealed partial class World
{
    private void Grant(SimTask task, OfferOnItsWay offer, int place)
    {
        var node = _nodes[offer.Node];
        GrantResult? result = new(null, "MISSING");
        Expire(task);
        if (task.Record is { } record)
        {
            if (TaskLifecycle.Grant(record, node.Id, node.OwnerId, offer.Epoch, _now) is { } granted)
            {
                if (WriteFails())
                {
                    if (_chance.Chance(0.5)) Save(task, granted);
                    ForgetActivation(task);
                    result = null;
                }
                else
                {
                    Save(task, granted);
                    task.StartedAt = null;
                    task.GrantedHere = granted.Current!.Number;
                    result = new(Assignment(task), "");
                }
            }
            else
            {
                result = new(null, record.State.ToString());
            }
        }
        offer.Grants[place] = result;
        if (--offer.GrantsMissing == 0) Later(Delay(), EventKind.OfferConcludes, offer.Node, 0, offer);
    }

    private void Started(SimTask task, SimNode node, int attempt)
    {
        if (task.Record is not { } record || !_seams.IsCurrent(record, node.Id, attempt)) return;
        if (!IsOpen(task, node, attempt)) throw Broken("I4", $"the start of attempt {attempt} of {task.Id} on {node.Id} counted, and {Open(task)} is open");
        task.StartedAt ??= task.GrantedHere == attempt ? _now : record.Current!.AssignedAt;
    }

    private ReportVerdictKind End(SimTask task, SimNode node, TaskOutcomeReport report)
    {
        if (task.Record is not { } record) return ReportVerdictKind.Stale;
        if (!_seams.IsCurrent(record, node.Id, report.Attempt))
        {
            if (!TaskLifecycle.IsRepeated(record, node.Id, report)) return Refused();
            if (task.Reported is null || !task.Reported.Contains((report.Attempt, node.Number))) throw Broken("I4", $"a report of attempt {report.Attempt} of {task.Id} passed as repeated");
            return ReportVerdictKind.Accepted;
        }
        if (!IsOpen(task, node, report.Attempt))
            throw Broken("I4", $"the end of attempt {report.Attempt} of {task.Id} on {node.Id} was accepted, and {Open(task)} is open");
        var next = TaskLifecycle.End(record, report, At(task));
        if (WriteFails())
        {
            if (_chance.Chance(0.5)) SaveReported(task, next);
            ForgetActivation(task);
            return ReportVerdictKind.TryAgain;
        }
        SaveReported(task, next);
        Concluded(task);
        return ReportVerdictKind.Accepted;
    }

    private void SaveReported(SimTask task, TaskRecord next)
    {
        (task.Reported ??= []).Add((task.OpenAttempt, task.OpenNode));
        Save(task, next);
    }

    private void ExpireAsked(SimTask task, int incarnation)
    {
        Expire(task);
        if (task.Record is { State: TaskState.Pending } waiting)
        {
            Tell(EventKind.Enqueue, task, waiting.ToPending(task.Id)); // who asks has an old word of it
            return;
        }
        Tell(EventKind.Remove, task);
        Send(EventKind.ExpireAnswered, task.Number, incarnation);
    }

    /// <summary>Its time to start is over: every way to a waiting task asks this first.</summary>
    private void Expire(SimTask task)
    {
        if (task.Record is not { } record || TaskLifecycle.Expire(record, _now) is not { } expired) return;
        Save(task, expired);
        Figures.Expired++;
        Tell(EventKind.Remove, task);
    }

    private void AttemptLost(LostWord lost)
    {
        var (task, node) = (_tasks[lost.Task], _nodes[lost.Node]);
        if (task.Record is not { } record || !_seams.IsCurrent(record, node.Id, lost.Attempt)) return;
        if (!IsOpen(task, node, lost.Attempt)) throw Broken("I4", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost, and {Open(task)} is open");
        if ((_plan.IsCalm || _plan.OnlyTheHubFails) && lost.Counts) throw Broken("I3", $"attempt {lost.Attempt} of {task.Id} on {node.Id} was taken for lost ({lost.Cause}) where {(_plan.IsCalm ? "nothing" : "only the hub")} fails");
        Figures.Lost++;
        Save(task, TaskLifecycle.Lose(record, lost.Cause, lost.Counts, "", At(task)));
        Concluded(task);
    }

    /// <summary>What others must learn of the end of an attempt.</summary>
    private void Concluded(SimTask task)
    {
        task.StartedAt = null;
        if (task.Record is not { IsEnded: false } waiting) return;
        task.Mark = -1;
        task.Entry = waiting.ToPending(task.Id);
        Tell(EventKind.Enqueue, task, task.Entry);
    }

    /// <summary>Settled in the books: the index forgets it. Until then it is there, so the index holds more than what is open.</summary>
    private void LeaveIndex(SimTask task)
    {
        task.InIndex = false;
        if (task.Terminal is not null || task.Record is null) RemoveOpen(task);
    }

    private void TaskGrainLost()
    {
        if (_open.Count > 0) ForgetActivation(_open[_chance.Below(_open.Count)]);
        FaultAgain(EventKind.TaskGrainLost, _plan.TaskGrainLosses);
    }

    private static void ForgetActivation(SimTask task)
    {
        task.StartedAt = null;
        task.GrantedHere = 0;
    }

    private ReportVerdictKind Refused()
    {
        Figures.Stale++;
        return ReportVerdictKind.Stale;
    }

    private static TaskAssignment Assignment(SimTask task) => new(task.Id, task.Record!.Current!.Number, task.Record.Spec!)
    {
        RunTimeout = TaskDeadlines.RunLimit(task.Record), OverdueAfter = TaskDeadlines.OverdueAfter(task.Record),
    };
}
