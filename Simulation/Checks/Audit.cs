using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>Looks now and then at the whole: nothing is lost and nothing is twice, and a node and a task at random are as they must be.</summary>
internal sealed class Audit(SimEnvironment env, SimPool pool, QueueLedger queue, AttemptLedger attempts, MachineChecks machines, SchedulerHost scheduler)
{
    public void Check()
    {
        attempts.CheckStates();
        if (scheduler.IsUp && scheduler.Core.Counts.Pending != queue.InQueue)
            throw env.Broken("Conservation", $"the scheduler counts {scheduler.Core.Counts.Pending} waiting tasks, {queue.InQueue} were given to it and not taken out");
        var some = pool.Nodes[env.Chance.Below(pool.Nodes.Length)];
        machines.CheckUnwanted(some);
        machines.CheckStarts(some);
        if (pool.Tasks.Count == 0) return;
        var one = pool.Tasks[env.Chance.Below(pool.Tasks.Count)];
        if (one.Terminal is { } terminal && !ReferenceEquals(terminal, one.Record)) throw env.Broken("I2", $"{one.Id} had ended as {terminal.State} and is {one.Record?.State}");
        if (one is { Terminal: null, OpenAttempt: 0, Record: not null, MustStartBy: { } by } && env.Time.Ticks > by + 2 * env.Plan.SweepEvery + 10 * Ticks.Second && !env.Plan.LosesHubs && scheduler.IsUp && !env.Plan.LosesSchedulers)
            throw env.Broken("Deadline", $"{one.Id} was to start by {TimeSpan.FromTicks(by):c} and still waits");
        if (one.CancelAcknowledged && one.Record!.State != TaskState.Cancelled) throw env.Broken("I8", $"the cancel of {one.Id} was answered and it is {one.Record.State}");
        if (scheduler.IsUp && one.InQueue != scheduler.Core.Knows(one.Id)) throw env.Broken("Conservation", $"{one.Id} {(one.InQueue ? "was given to the scheduler, which does not know it" : "left the scheduler, which still knows it")}");
    }
}
