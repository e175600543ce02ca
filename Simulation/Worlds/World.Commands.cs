using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// Takes the steps of the machines' commands. Each thing that a command waits for is an event of its own: it is late, it fails, or it comes back to an activation
/// that is gone.
/// </summary>
internal sealed partial class World
{
    private void Run(SimActor actor, IEnumerable<Effect> steps, bool isExclusive, Action<HiveMindException?>? ended = null, Action? died = null)
    {
        var command = new SimCommand(actor, steps, isExclusive, _process) { Ended = ended, Died = died };
        if (isExclusive && actor.Exclusive is not null)
        {
            (actor.Waiting ??= []).Enqueue(command);
            return;
        }
        if (isExclusive) actor.Exclusive = command;
        actor.Commands.Add(command);
        Step(command);
    }

    private void Step(SimCommand command)
    {
        var actor = command.Actor;
        HiveMindException? refused = null;
        try
        {
            if (actor.Step(command.Steps, _time.Instant))
            {
                Do(command, command.Steps.Current);
                return;
            }
        }
        catch (HiveMindException refusal)
        {
            refused = refusal;
        }
        actor.Commands.Remove(command);
        command.Ended?.Invoke(refused);
        if (actor.Exclusive != command) return;
        actor.Exclusive = null;
        if (actor.Waiting is null || !actor.Waiting.TryDequeue(out var next)) return;
        actor.Exclusive = next;
        actor.Commands.Add(next);
        Step(next);
    }

    /// <summary>An activation is lost with all that was under way. What was being written may be written.</summary>
    private void Lose(SimActor actor, Action activate, Action<Effect> written)
    {
        SimCommand[] died = [.. actor.Commands, .. actor.Waiting ?? []];
        foreach (var command in died)
            if (command.Missing > 0 && _chance.Chance(0.5)) written(command.Steps.Current);
        actor.Commands.Clear();
        actor.Waiting = null;
        actor.Exclusive = null;
        activate();
        foreach (var command in died) command.Died?.Invoke();
    }

    private void Do(SimCommand command, Effect wait)
    {
        if (_defect.Skips(wait))
        {
            PlantedDefect.Pretend(wait);
            _time.Later(0, EventKind.Resumes, body: command);
            return;
        }
        if (wait is TellScheduler told) CheckRoom((SimNode)command.Actor, told.View); // as it is said: it may be late, and be the last to come
        command.Missing = wait switch
        {
            AskGrants grants => grants.Tasks.Count,
            ExamineTasks examine => examine.Asked.Count,
            TellStarts starts => starts.Started.Count,
            TellLosses losses => losses.Lost.Count,
            RecordEnds ends => ends.Reports.Count,
            _ => 1,
        };
        var hangs = _stores.HangsFor(wait);
        for (var part = 0; part < command.Missing; part++) _network.Call(EventKind.Asks, part, body: command, after: hangs);
    }

    /// <summary>A part of what a command waits for happens, whether or not anybody waits for it still.</summary>
    private void Asks(SimCommand command, int part)
    {
        var wait = command.Steps.Current;
        if (command.Process != _process) return; // it died with its process, and was never sent
        if (command.Activation != command.Actor.Activation && wait is (SaveNode or ForgetNode or SaveTask)) return; // decided when it was lost
        switch (command.Actor)
        {
            case SimNode node: Asks(node, command, wait, part); break;
            case SimTask task: Asks(task, command, wait); break;
            default: Asks(command, (SweepEffect)wait); break;
        }
    }

    /// <summary>A part is answered; the answer of the last one takes its time too.</summary>
    private void Answered(SimCommand command)
    {
        if (command.Activation == command.Actor.Activation && --command.Missing == 0) _time.Later(_network.Delay(), EventKind.Resumes, body: command);
    }

    private void Resumes(SimCommand command)
    {
        if (command.Activation == command.Actor.Activation) Step(command);
    }

    private void Asks(SimNode node, SimCommand command, Effect wait, int part)
    {
        switch (wait)
        {
            case SaveNode save when _stores.WriteFails():
                if (_chance.Chance(0.5)) node.Stored = save.Next;
                command.Missing = 0;
                Restart(node);
                return;
            case SaveNode save: node.Stored = save.Next; break;
            case ForgetNode forget:
                node.Stored = forget.Kept;
                if (forget.Kept is null) node.LastEpoch = -1; // nothing is left of it: it begins anew
                break;
            case AskPast past: past.HasPast = _chance.Chance(0.5); break;
            case AskOwner owner: (owner.IsActive, owner.HasAnswered) = _stores.AskFails() ? ((bool?)null, false) : (true, true); break;
            case MarkTasks mark:
                mark.IsMarked = !_stores.WriteFails();
                if (mark.IsMarked)
                    foreach (var id in mark.TaskIds) _pool.TaskOf(id).Mark = node.Number;
                break;
            case AskGrants grants:
                Grant(_pool.TaskOf(grants.Tasks[part].TaskId), node, grants, part, command);
                return;
            case FindOpen find: find.Found = _stores.AskFails() ? null : Open(find.TaskIds); break;
            case ExamineTasks examine when _stores.AskFails(): break;
            case ExamineTasks examine:
                var found = new Reply<TaskExamination>();
                var asked = _pool.TaskOf(examine.Asked[part].TaskId);
                Run(asked, asked.Rules.Examine(found), isExclusive: true, refused =>
                {
                    examine.Answers[part] = refused is null ? found.Value : null;
                    Answered(command);
                }, () => Answered(command));
                return;
            case TellStarts starts: starts.IsCurrent[part] = _stores.AskFails() ? null : Started(_pool.TaskOf(starts.Started[part].TaskId), node, starts.Started[part].Attempt); break;
            case TellLosses when _network.Loses(): break;
            case TellLosses losses:
                Lost(losses.Lost[part], node, isTold =>
                {
                    losses.IsTold[part] = isTold;
                    Answered(command);
                });
                return;
            case RecordEnds ends:
                End(node, ends, part, command);
                return;
            case TellScheduler when _network.Loses(): break;
            case TellScheduler tell:
                ViewArrives(node.Number, tell.View);
                break;
        }
        Answered(command);
    }

    private void Asks(SimTask task, SimCommand command, Effect wait)
    {
        switch (wait)
        {
            case SaveTask { Why: SaveTaskOf.Birth } when _env.GoesWrong(_plan.OrphanShare):
                Restart(task); // the submit died between the index and the birth
                return;
            case SaveTask save when _stores.WriteFails():
                if (_chance.Chance(0.5)) Save(task, save.Next);
                command.Missing = 0;
                Restart(task);
                return;
            case SaveTask save: Save(task, save.Next); break;
            case EnterIndex _: EnterIndexOf(task); break;
            case Hint when _network.Loses(): break;
            case Announce announce: EnqueueArrives(task, announce.Task); break;
            case Return back:
                (task.Mark, task.Entry) = (-1, back.Task);
                EnqueueArrives(task, back.Task);
                break;
            case Withdraw: RemoveArrives(task); break;
            case DropAttempt drop: _pool.NodeOf(drop.NodeId).Rules.Drop(task.Id, drop.Attempt, drop.Cause, _time.Instant); break;
        }
        Answered(command);
    }
}
