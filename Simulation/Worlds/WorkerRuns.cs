using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What a worker runs: it begins what it is assigned, reports until it is answered, and kills what nobody wants or what outlives its lease.</summary>
internal sealed class WorkerRuns(SimEnvironment env, Network network, SimPool pool, WorkerStream stream, MachineChecks checks)
{
    private static readonly long ReportAgainAfter = 5 * Ticks.Second;

    public void LeaseRunsOut(SimNode node)
    {
        var machine = node.Machine;
        machine.LeaseWatched = false;
        if (machine.RenewedAt + env.Plan.WorkerLease > env.Time.Ticks)
        {
            stream.WatchLease(node);
            return;
        }
        var kept = false;
        for (var i = machine.Runs.Count - 1; i >= 0; i--)
        {
            if (machine.Runs[i].Outcome is not null) continue;
            if (machine.RenewedAt + machine.Runs[i].Lease > env.Time.Ticks) kept = true;
            else
            {
                checks.CheckLease(node, machine.Runs[i]);
                Drop(node, machine.Runs[i]);
            }
        }
        if (!kept) return;
        machine.LeaseWatched = true; // looked at again as long as there is one
        env.Time.Later(Ticks.Second, EventKind.WorkerLeaseRunsOut, node.Number, machine.Life);
    }

    public void Assigned(SimNode node, TaskAssignment assignment)
    {
        var machine = node.Machine;
        var task = pool.TaskOf(assignment.TaskId);
        if (machine.RenewedAt + env.Plan.WorkerLease <= env.Time.Ticks) return; // nothing begins without a lease; its next heartbeat does not name it
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
        env.Time.Later(1 + env.Chance.Below((int)(20 * Ticks.Millisecond)), EventKind.RunBegins, node.Number, machine.Life, run);
    }

    public void Begins(SimNode node, SimRun run)
    {
        if (run.Gone || run.Outcome is not null) return;
        var task = pool.Tasks[run.Task];
        checks.CheckBegins(task, node, run.Attempt);
        (run.Began, run.BeganAt) = (true, env.Time.Ticks);
        if (task.RunningNow++ > 0) env.Figures.Overlaps++;
        env.Time.Later(Math.Min(task.RunTicks, run.Limit), EventKind.RunEnds, node.Number, node.Machine.Life, run);
        network.ToHub(node, EventKind.ReportArrives, new ReportMessage(node.Number, node.Machine.Life, node.Machine.Epoch,
            new() { TaskId = task.Id, Attempt = run.Attempt, IsStart = true }));
        if (env.GoesWrong(env.Plan.CancelShare / 4)) env.Time.Later(Math.Min(task.RunTicks, run.Limit) + network.Delay() - network.Delay() / 2, EventKind.Cancel, task.Number);
    }

    public void Ends(SimNode node, SimRun run)
    {
        if (run.Gone) return;
        var task = pool.Tasks[run.Task];
        EndRun(run);
        var timedOut = task.RunTicks > run.Limit;
        // A worker's fault is of that attempt: the next one may do better.
        var cause = timedOut ? Causes.RunTimeout : task.Ends == Causes.WorkerFault && env.Chance.Chance(0.5) ? Causes.Completed : task.Ends;
        Ended(node, run, new()
        {
            TaskId = task.Id, Attempt = run.Attempt, Cause = cause, ExitCode = cause == Causes.Completed ? 0 : 1, RunMs = (env.Time.Ticks - run.BeganAt) / Ticks.Millisecond,
        });
    }

    private void Ended(SimNode node, SimRun run, TaskOutcomeReport report)
    {
        run.Outcome = report;
        Report(node, run);
        env.Time.Later(ReportAgainAfter, EventKind.ReportAgain, node.Number, node.Machine.Life, run);
    }

    /// <summary>On a new stream, all that has no answer yet.</summary>
    public void ReportAll(SimNode node)
    {
        foreach (var run in node.Machine.Runs)
            if (run.Outcome is not null) Report(node, run);
    }

    private void Report(SimNode node, SimRun run)
    {
        var machine = node.Machine;
        var unary = !machine.Connected || env.Chance.Chance(0.05);
        network.ToHub(node, EventKind.ReportArrives, new ReportMessage(node.Number, machine.Life, unary ? 0 : machine.Epoch, run.Outcome!), ordered: !unary);
    }

    public void ReportAgain(SimNode node, SimRun run)
    {
        if (run.Gone) return;
        Report(node, run);
        env.Time.Later(ReportAgainAfter, EventKind.ReportAgain, node.Number, node.Machine.Life, run);
    }

    public void VerdictArrives(SimNode node, VerdictMessage answer)
    {
        var machine = node.Machine;
        if (answer.Of.Epoch != 0 && answer.Of.Epoch != machine.Epoch) return; // its stream is closed
        var task = pool.TaskOf(answer.Of.Report.TaskId).Number;
        if (machine.Find(task, answer.Of.Report.Attempt) is not { Outcome: not null } run || answer.Verdict == ReportVerdictKind.TryAgain) return;
        run.Gone = true;
        machine.Runs.Remove(run);
        machine.Answered.Add((task, run.Attempt));
    }

    public void Killed(SimNode node, AttemptReport unwanted)
    {
        var task = pool.TaskOf(unwanted.TaskId).Number;
        if (node.Machine.Find(task, unwanted.Attempt) is { } run) Drop(node, run);
        else if (!node.Machine.Answered.Contains((task, unwanted.Attempt))) stream.SaySoon(node);
    }

    private void Drop(SimNode node, SimRun run)
    {
        EndRun(run);
        run.Gone = true;
        node.Machine.Runs.Remove(run);
        stream.SaySoon(node);
    }

    /// <summary>Its program does not run any more.</summary>
    public void EndRun(SimRun run)
    {
        if (run is { Began: true, Outcome: null, Gone: false }) pool.Tasks[run.Task].RunningNow--;
    }
}
