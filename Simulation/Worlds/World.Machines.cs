using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What a worker process does: runs what it is assigned, reports until it is answered, kills its runs when its lease is gone. It is frozen at any moment.</summary>
internal sealed partial class World
{
    private static readonly long ReportAgainAfter = 5 * Ticks.Second, ConnectAgainAfter = 2 * Ticks.Second;

    private void OnMachine(in SimEvent what)
    {
        var node = _pool.Nodes[what.A];
        var machine = node.Machine;
        if (!machine.Up || what.B != machine.Life) return;
        if (machine.FrozenUntil > _time.Ticks)
        {
            _time.At(machine.FrozenUntil, what.Kind, what.A, what.B, what.Body);
            return;
        }
        var fromHub = what.Kind is EventKind.AssignArrives or EventKind.KillArrives or EventKind.CloseArrives or EventKind.VerdictArrives or EventKind.BeatAnswered or EventKind.Welcome;
        if (fromHub && machine.CutUntil > _time.Ticks) return;
        if (what.Kind is EventKind.AssignArrives or EventKind.KillArrives && !machine.Connected) return; // no stream that could bring it
        switch (what.Kind)
        {
            case EventKind.AssignArrives:
                foreach (var assignment in (IReadOnlyList<TaskAssignment>)what.Body!) Assigned(node, assignment);
                break;
            case EventKind.KillArrives: Killed(node, (AttemptReport)what.Body!); break;
            case EventKind.CloseArrives: Closed(node, (SimLink)what.Body!); break;
            case EventKind.RunBegins: RunBegins(node, (SimRun)what.Body!); break;
            case EventKind.RunEnds: RunEnds(node, (SimRun)what.Body!); break;
            case EventKind.ReportAgain: ReportAgain(node, (SimRun)what.Body!); break;
            case EventKind.VerdictArrives: VerdictArrives(node, (VerdictMessage)what.Body!); break;
            case EventKind.Beat: Beat(node); break;
            case EventKind.SayNow: SayNow(node); break;
            case EventKind.BeatAnswered: BeatAnswered(node, (BeatMessage)what.Body!); break;
            case EventKind.WorkerLeaseRunsOut: WorkerLeaseRunsOut(node); break;
            case EventKind.Connect: Connect(node); break;
            default: Welcome(node, (BeatMessage)what.Body!); break;
        }
    }

    private void MachineStarts(SimNode node, int life)
    {
        var machine = node.Machine;
        if (machine.Up || machine.Life != life) return;
        if (node.IsRegistered) Start(node);
        else Register(node, () => MachineStarts(node, life), () => _time.Later(Ticks.Second, EventKind.MachineStarts, node.Number, life));
    }

    private void Start(SimNode node)
    {
        var machine = node.Machine;
        machine.Up = true;
        machine.WillSay = machine.Draining = machine.Connected = machine.Connecting = machine.LeaseWatched = false;
        machine.FrozenUntil = machine.CutUntil = 0;
        machine.Answered.Clear();
        Connect(node);
        _time.Later(_plan.Heartbeat, EventKind.Beat, node.Number, machine.Life);
    }

    /// <summary>The process is gone, and with it all that it ran.</summary>
    private void Stop(SimNode node)
    {
        var machine = node.Machine;
        foreach (var run in machine.Runs) EndRun(run);
        machine.Runs.Clear();
        machine.Up = machine.Connected = machine.Connecting = false;
        machine.Life++;
    }

    private void Connect(SimNode node)
    {
        var machine = node.Machine;
        if (machine.Connected) return;
        machine.Connecting = true;
        machine.HelloAt = _time.Ticks;
        _network.ToHub(node, EventKind.ConnectArrives, Say(node), ordered: false);
        _time.Later(ConnectAgainAfter, EventKind.Connect, node.Number, machine.Life);
    }

    private void Welcome(SimNode node, BeatMessage welcome)
    {
        var machine = node.Machine;
        if (welcome.Epoch <= machine.Epoch || welcome.SentAt != machine.HelloAt) return; // of a stream that was given up
        (machine.Connected, machine.Connecting, machine.Epoch) = (true, false, welcome.Epoch);
        machine.RenewedAt = Math.Max(machine.RenewedAt, welcome.SentAt);
        machine.StreamOf = welcome.Hello;
        machine.AwaitsAnswer = false;
        WatchWorkerLease(node);
        if (machine.Draining) _network.ToHub(node, EventKind.DrainArrives, machine.Epoch);
        foreach (var run in machine.Runs)
            if (run.Outcome is not null) Report(node, run);
    }

    private void Beat(SimNode node)
    {
        if (node.Machine.Connected) SayNow(node);
        _time.Later(_plan.Heartbeat, EventKind.Beat, node.Number, node.Machine.Life);
    }

    /// <summary>A heartbeat out of turn, or after the answer to the one before.</summary>
    private void SaySoon(SimNode node)
    {
        var machine = node.Machine;
        machine.WantsToSay = true;
        if (!machine.AwaitsAnswer) SayWanted(node);
    }

    private void SayWanted(SimNode node)
    {
        var machine = node.Machine;
        if (!machine.WantsToSay || machine.WillSay) return;
        machine.WillSay = true;
        _time.Later(Ticks.Millisecond / 10, EventKind.SayNow, node.Number, machine.Life);
    }

    private void SayNow(SimNode node)
    {
        var machine = node.Machine;
        machine.WillSay = machine.WantsToSay = false;
        if (!machine.Connected) return;
        machine.AwaitsAnswer = true;
        _network.ToHub(node, EventKind.HeartbeatArrives, Say(node));
    }

    private BeatMessage Say(SimNode node)
    {
        var machine = node.Machine;
        var running = new AttemptReport[machine.Runs.Count];
        for (var i = 0; i < running.Length; i++) running[i] = machine.Runs[i].Said;
        return new(node.Number, machine.Life, machine.Connecting ? machine.HelloAt : machine.StreamOf, machine.Epoch, running, _time.Ticks);
    }

    private void BeatAnswered(SimNode node, BeatMessage answered)
    {
        var machine = node.Machine;
        if (answered.Epoch != machine.Epoch) return;
        if (answered.SentAt >= 0)
        {
            machine.RenewedAt = Math.Max(machine.RenewedAt, answered.SentAt);
            WatchWorkerLease(node);
            machine.AwaitsAnswer = false;
            SayWanted(node);
        }
        else if (machine.Connected)
        {
            machine.Connected = false;
            Connect(node);
        }
    }

    private void Closed(SimNode node, SimLink link)
    {
        var machine = node.Machine;
        if (!machine.Connected || machine.StreamOf != link.Hello) return;
        machine.Connected = false;
        Connect(node);
    }

    private void WatchWorkerLease(SimNode node)
    {
        var machine = node.Machine;
        if (machine.LeaseWatched) return;
        machine.LeaseWatched = true;
        _time.Later(Math.Max(0, machine.RenewedAt + _plan.WorkerLease - _time.Ticks), EventKind.WorkerLeaseRunsOut, node.Number, machine.Life);
    }

    private void WorkerLeaseRunsOut(SimNode node)
    {
        var machine = node.Machine;
        machine.LeaseWatched = false;
        if (machine.RenewedAt + _plan.WorkerLease > _time.Ticks)
        {
            WatchWorkerLease(node);
            return;
        }
        var kept = false;
        for (var i = machine.Runs.Count - 1; i >= 0; i--)
        {
            if (machine.Runs[i].Outcome is not null) continue;
            if (machine.RenewedAt + machine.Runs[i].Lease > _time.Ticks) kept = true;
            else
            {
                if (_plan.OnlyStoresAreSlow) throw _env.Broken("Lease", $"{node.Id} kills attempt {machine.Runs[i].Attempt} of t{machine.Runs[i].Task:D9} because nobody answers it, and only stores are slow");
                Drop(node, machine.Runs[i]);
            }
        }
        if (!kept) return;
        machine.LeaseWatched = true; // looked at again as long as there is one
        _time.Later(Ticks.Second, EventKind.WorkerLeaseRunsOut, node.Number, machine.Life);
    }

    private void Assigned(SimNode node, TaskAssignment assignment)
    {
        var machine = node.Machine;
        var task = _pool.TaskOf(assignment.TaskId);
        if (machine.RenewedAt + _plan.WorkerLease <= _time.Ticks) return; // nothing begins without a lease; its next heartbeat does not name it
        if (machine.Answered.Contains((task.Number, assignment.Attempt)) || machine.Find(task.Number, assignment.Attempt) is not null) return;
        for (var i = machine.Runs.Count - 1; i >= 0; i--)
        {
            if (machine.Runs[i].Task != task.Number) continue;
            if (machine.Runs[i].Attempt > assignment.Attempt) return;
            Drop(node, machine.Runs[i]);
        }
        var run = new SimRun(task.Number, task.Id, assignment.Attempt, assignment.RunTimeout.Ticks, assignment.Spec.Lease.Ticks);
        machine.Runs.Add(run);
        if (machine.Draining)
        {
            Ended(node, run, new() { TaskId = task.Id, Attempt = run.Attempt, Cause = Causes.WorkerRefused, ErrorMessage = "This worker is leaving." });
            return;
        }
        _time.Later(1 + _chance.Below((int)(20 * Ticks.Millisecond)), EventKind.RunBegins, node.Number, machine.Life, run);
    }

    private void RunBegins(SimNode node, SimRun run)
    {
        if (run.Gone || run.Outcome is not null) return;
        var task = _pool.Tasks[run.Task];
        CheckBegins(task, node, run.Attempt);
        (run.Began, run.BeganAt) = (true, _time.Ticks);
        if (task.RunningNow++ > 0) Figures.Overlaps++;
        _time.Later(Math.Min(task.RunTicks, run.Limit), EventKind.RunEnds, node.Number, node.Machine.Life, run);
        _network.ToHub(node, EventKind.ReportArrives, new ReportMessage(node.Number, node.Machine.Life, node.Machine.Epoch,
            new() { TaskId = task.Id, Attempt = run.Attempt, IsStart = true }));
        if (_env.GoesWrong(_plan.CancelShare / 4)) _time.Later(Math.Min(task.RunTicks, run.Limit) + _network.Delay() - _network.Delay() / 2, EventKind.Cancel, task.Number);
    }

    private void RunEnds(SimNode node, SimRun run)
    {
        if (run.Gone) return;
        var task = _pool.Tasks[run.Task];
        EndRun(run);
        var timedOut = task.RunTicks > run.Limit;
        // A worker's fault is of that attempt: the next one may do better.
        var cause = timedOut ? Causes.RunTimeout : task.Ends == Causes.WorkerFault && _chance.Chance(0.5) ? Causes.Completed : task.Ends;
        Ended(node, run, new()
        {
            TaskId = task.Id, Attempt = run.Attempt, Cause = cause, ExitCode = cause == Causes.Completed ? 0 : 1, RunMs = (_time.Ticks - run.BeganAt) / Ticks.Millisecond,
        });
    }

    private void Ended(SimNode node, SimRun run, TaskOutcomeReport report)
    {
        run.Outcome = report;
        Report(node, run);
        _time.Later(ReportAgainAfter, EventKind.ReportAgain, node.Number, node.Machine.Life, run);
    }

    private void Report(SimNode node, SimRun run)
    {
        var machine = node.Machine;
        var unary = !machine.Connected || _chance.Chance(0.05);
        _network.ToHub(node, EventKind.ReportArrives, new ReportMessage(node.Number, machine.Life, unary ? 0 : machine.Epoch, run.Outcome!), ordered: !unary);
    }

    private void ReportAgain(SimNode node, SimRun run)
    {
        if (run.Gone) return;
        Report(node, run);
        _time.Later(ReportAgainAfter, EventKind.ReportAgain, node.Number, node.Machine.Life, run);
    }

    private void VerdictArrives(SimNode node, VerdictMessage answer)
    {
        var machine = node.Machine;
        if (answer.Of.Epoch != 0 && answer.Of.Epoch != machine.Epoch) return; // its stream is closed
        var task = _pool.TaskOf(answer.Of.Report.TaskId).Number;
        if (machine.Find(task, answer.Of.Report.Attempt) is not { Outcome: not null } run || answer.Verdict == ReportVerdictKind.TryAgain) return;
        run.Gone = true;
        machine.Runs.Remove(run);
        machine.Answered.Add((task, run.Attempt));
    }

    private void Killed(SimNode node, AttemptReport unwanted)
    {
        var task = _pool.TaskOf(unwanted.TaskId).Number;
        if (node.Machine.Find(task, unwanted.Attempt) is { } run) Drop(node, run);
        else if (!node.Machine.Answered.Contains((task, unwanted.Attempt))) SaySoon(node);
    }

    private void Drop(SimNode node, SimRun run)
    {
        EndRun(run);
        run.Gone = true;
        node.Machine.Runs.Remove(run);
        SaySoon(node);
    }

    private void EndRun(SimRun run)
    {
        if (run is { Began: true, Outcome: null, Gone: false }) _pool.Tasks[run.Task].RunningNow--;
    }
}
