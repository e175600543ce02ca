using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// Takes the steps of the machines' commands. Each thing that a command waits for is an event of its own: it is late, it fails, or it comes back to an activation
/// that is gone.
/// </summary>
internal sealed class CommandCarrier(SimEnvironment env, Network network, Stores stores, RoomChecks rooms)
{
    public void Run(SimActor actor, IEnumerable<Effect> steps, bool isExclusive, Action<HiveMindException?>? ended = null, Action? died = null)
    {
        var command = new SimCommand(actor, steps, isExclusive, env.HubProcess) { Ended = ended, Died = died };
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
            if (actor.Step(command.Steps, env.Time.Instant))
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
    public void Lose(SimActor actor, Action activate, Action<Effect> written)
    {
        SimCommand[] died = [.. actor.Commands, .. actor.Waiting ?? []];
        foreach (var command in died)
            if (command.Missing > 0 && env.Chance.Chance(0.5)) written(command.Steps.Current);
        actor.Commands.Clear();
        actor.Waiting = null;
        actor.Exclusive = null;
        activate();
        foreach (var command in died) command.Died?.Invoke();
    }

    private void Do(SimCommand command, Effect wait)
    {
        if (env.Defect.Skips(wait))
        {
            PlantedDefect.Pretend(wait);
            env.Time.Later(0, EventKind.Resumes, body: command);
            return;
        }
        if (wait is TellScheduler told) rooms.Check((SimNode)command.Actor, told.View); // as it is said: it may be late, and be the last to come
        command.Missing = wait switch
        {
            AskGrants grants => grants.Tasks.Count,
            ExamineTasks examine => examine.Asked.Count,
            TellStarts starts => starts.Started.Count,
            TellLosses losses => losses.Lost.Count,
            RecordEnds ends => ends.Reports.Count,
            _ => 1,
        };
        var hangs = stores.HangsFor(wait);
        for (var part = 0; part < command.Missing; part++) network.Call(EventKind.Asks, part, body: command, after: hangs + env.Defect.Delays(wait));
    }

    public void Handle(in SimEvent what)
    {
        if (what.Kind == EventKind.Asks) Asks((SimCommand)what.Body!, what.A);
        else Resumes((SimCommand)what.Body!);
    }

    /// <summary>A part of what a command waits for happens, whether or not anybody waits for it still.</summary>
    private void Asks(SimCommand command, int part)
    {
        var wait = command.Steps.Current;
        if (command.Process != env.HubProcess) return; // it died with its process, and was never sent
        if (command.Activation != command.Actor.Activation && wait is (SaveNode or ForgetNode or SaveTask)) return; // decided when it was lost
        command.Actor.Handler.Do(command, wait, part);
    }

    /// <summary>A part is answered; the answer of the last one takes its time too.</summary>
    public void Answered(SimCommand command)
    {
        if (command.Activation == command.Actor.Activation && --command.Missing == 0) env.Time.Later(network.Delay(), EventKind.Resumes, body: command);
    }

    private void Resumes(SimCommand command)
    {
        if (command.Activation == command.Actor.Activation) Step(command);
    }
}
