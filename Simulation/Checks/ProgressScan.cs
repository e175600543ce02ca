using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>
/// No task that is ready and fits is left where a node has room for it that is kept for nobody (I10). A plain scan of everything, so
/// only now and then; in a small world after every proposal.
/// </summary>
internal sealed class ProgressScan(SimEnvironment env, SimPool pool, QueueLedger queue)
{
    private readonly bool _isSmall = env.Plan.Nodes.Count * env.Plan.MostOpen <= 3000;

    public void AfterProposal(SchedulerCore core)
    {
        if (_isSmall || (env.Time.Steps & 127) == 0) Check(core);
    }

    private void Check(SchedulerCore core)
    {
        env.Figures.ProgressChecks++;
        var now = env.Time.Ticks;
        var isElsewhere = env.Plan.Scheduling.RetryElsewhere > TimeSpan.Zero;
        foreach (var node in pool.Nodes)
        {
            if (queue.OpenTo(node) is not { } view || view.Free is not { MilliCores: > 0, MemoryMb: > 0 }) continue;
            if (core.Pool.Find(node.Id) is { Reservation: not null }) continue;
            var free = ResourceVector.Of(view.Free);
            foreach (var task in pool.Open)
            {
                if (!task.InQueue || task.Offer is not null || Math.Max(task.HeldUntil, task.RestsUntil) > now) continue;
                if (task.Entry.StartBy is { } by && VirtualClock.TicksAt(by) <= now) continue;
                if (!pool.Runs(node, task.Shape) || !task.Shape.Size.FitsIn(free)) continue;
                if (!view.AcceptsStrangers && node.Owner != task.User) continue;
                if (view.OthersLeft is 0 && node.Owner != task.User) continue;
                if (isElsewhere && QueueLedger.LeavesOut(task.Entry, node)) continue;
                if (!Promises.MayHoldOne(core, task)) continue;
                throw env.Broken("I10", $"{task.Id} waits, and {node.Id} has room for it that is kept for nobody");
            }
        }
    }
}
