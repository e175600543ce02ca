using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// The machines and their worker processes, which are played: they start and are gone, and while one is frozen or cut off what comes to it waits or is lost.
/// </summary>
internal sealed class Workers(SimEnvironment env, SimPool pool, NodeHost nodes, WorkerStream stream, WorkerRuns runs)
{
    public void Begin()
    {
        foreach (var node in pool.Nodes) env.Time.Later(env.Chance.Exponential(Ticks.Second / 4), EventKind.MachineStarts, node.Number, node.Machine.Life);
    }

    public void Handle(in SimEvent what)
    {
        var node = pool.Nodes[what.A];
        var machine = node.Machine;
        if (!machine.Up || what.B != machine.Life) return;
        if (machine.FrozenUntil > env.Time.Ticks)
        {
            env.Time.At(machine.FrozenUntil, what.Kind, what.A, what.B, what.Body);
            return;
        }
        var fromHub = what.Kind is EventKind.AssignArrives or EventKind.KillArrives or EventKind.CloseArrives or EventKind.VerdictArrives or EventKind.BeatAnswered or EventKind.Welcome;
        if (fromHub && machine.CutUntil > env.Time.Ticks) return;
        if (what.Kind is EventKind.AssignArrives or EventKind.KillArrives && !machine.Connected) return; // no stream that could bring it
        switch (what.Kind)
        {
            case EventKind.AssignArrives:
                foreach (var assignment in (IReadOnlyList<TaskAssignment>)what.Body!) runs.Assigned(node, assignment);
                break;
            case EventKind.KillArrives: runs.Killed(node, (AttemptReport)what.Body!); break;
            case EventKind.CloseArrives: stream.Closed(node, (SimLink)what.Body!); break;
            case EventKind.RunBegins: runs.Begins(node, (SimRun)what.Body!); break;
            case EventKind.RunEnds: runs.Ends(node, (SimRun)what.Body!); break;
            case EventKind.ReportAgain: runs.ReportAgain(node, (SimRun)what.Body!); break;
            case EventKind.VerdictArrives: runs.VerdictArrives(node, (VerdictMessage)what.Body!); break;
            case EventKind.Beat: stream.Beat(node); break;
            case EventKind.SayNow: stream.SayNow(node); break;
            case EventKind.BeatAnswered: stream.BeatAnswered(node, (BeatMessage)what.Body!); break;
            case EventKind.WorkerLeaseRunsOut: runs.LeaseRunsOut(node); break;
            case EventKind.Connect: stream.Connect(node); break;
            case EventKind.Welcome:
                if (stream.Welcome(node, (BeatMessage)what.Body!)) runs.ReportAll(node);
                break;
            default: throw what.Unhandled();
        }
    }

    public void Start(SimNode node, int life)
    {
        var machine = node.Machine;
        if (machine.Up || machine.Life != life) return;
        if (node.IsRegistered) Start(node);
        else nodes.Register(node, () => Start(node, life), () => env.Time.Later(Ticks.Second, EventKind.MachineStarts, node.Number, life));
    }

    private void Start(SimNode node)
    {
        var machine = node.Machine;
        machine.Up = true;
        machine.WillSay = machine.Draining = machine.Connected = machine.Connecting = machine.LeaseWatched = false;
        machine.FrozenUntil = machine.CutUntil = 0;
        machine.Answered.Clear();
        stream.Connect(node);
        env.Time.Later(env.Plan.Heartbeat, EventKind.Beat, node.Number, machine.Life);
    }

    /// <summary>The process is gone, and with it all that it ran.</summary>
    public void Stop(SimNode node)
    {
        var machine = node.Machine;
        foreach (var run in machine.Runs) runs.EndRun(run);
        machine.Runs.Clear();
        machine.Up = machine.Connected = machine.Connecting = false;
        machine.Life++;
    }

    /// <summary>It opens its stream anew: its owner lends more or less.</summary>
    public void Reconnect(SimNode node)
    {
        node.Machine.Connected = false;
        stream.Connect(node);
    }
}
