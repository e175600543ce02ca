using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A world is brought to its end: all that is open ends (I10, I11), every room is given back (I6), and the scheduler is left with nothing.</summary>
internal sealed class Ending(SimEnvironment env, SimPool pool, QueueLedger queue, AttemptLedger attempts, SchedulerHost scheduler, Audit audit)
{
    private long _quietSince = -1;

    /// <summary>All that can end has ended, everything has been given back, and nobody has a wrong idea left.</summary>
    public bool IsQuiet()
    {
        if (pool.Open.Length == 0 && queue.InQueue == 0 && pool.Nodes.All(node => node.Rules.Held.Running.Count == 0 && node.Machine.Runs.Count == 0))
        {
            // Longer, so that everybody has heard it, or has not been heard for long enough.
            if (_quietSince < 0) _quietSince = env.Time.Ticks;
            return env.Time.Ticks - _quietSince > 4 * env.Plan.Heartbeat + (env.Plan.IsCalm ? 0 : scheduler.LongestSilence + 10 * SchedulerHost.DueEvery);
        }
        _quietSince = -1;
        if (env.Time.Ticks - attempts.MovedAt > LongestStall) throw env.Broken("I10", $"nothing has moved for {TimeSpan.FromTicks(LongestStall):c}, and {Stuck()}");
        return false;
    }

    /// <summary>
    /// What a dead submit left is looked at from an age on in one sweep of several, and goes when it is looked at again; and a hub that is away sweeps nothing.
    /// </summary>
    private long LongestStall => SweepRules.TrustBound.Ticks + 2 * SweepRules.CheckEvery(pool.Tasks.Count) * env.Plan.SweepEvery + 5 * Ticks.Minute;

    private string Stuck()
    {
        foreach (var task in pool.Open)
            return $"{pool.Open.Length} tasks are open, {task.Id} ({task.Shape}) of {task.Born.UserId} is {task.Record?.State}, {(task.InQueue ? "in the queue" : "not in the queue")}, mark {task.Mark}: {scheduler.Core.Explain(task.Id, env.Time.Now).Text}";
        if (pool.Tasks.Find(task => task.InQueue) is { } one)
            return $"the scheduler waits with {one.Id} ({one.Shape}), which has ended: {scheduler.Core.Explain(one.Id, env.Time.Now).Text}";
        var node = pool.Nodes.First(node => node.Rules.Held.Running.Count > 0 || node.Machine.Runs.Count > 0);
        return $"{node.Id} still has {node.Rules.Held.Free} of {node.Rules.Held.Total} free, for {node.Rules.Held.Running.Count} tasks, and its machine {node.Machine.Runs.Count} runs";
    }

    /// <summary>Nothing is left of anything.</summary>
    public void Check()
    {
        audit.Check();
        foreach (var task in pool.Tasks)
            if (task.Record is not null && task.Terminal is null) throw env.Broken("I10", $"{task.Id} has left the index and is {task.Record.State}");
        foreach (var node in pool.Nodes)
            if (node.Rules.Held.Free != node.Rules.Held.Total) throw env.Broken("I6", $"{node.Id} holds nothing, and {node.Rules.Held.Free} of {node.Rules.Held.Total} are free");
        if (queue.InQueue != 0) throw env.Broken("I10", $"{queue.InQueue} tasks that have ended are left in the scheduler's queue");
        for (var number = 0; number < env.Plan.Users.Count; number++)
        {
            var user = env.Plan.Users[number];
            var load = scheduler.Core.LoadOf(user.Id);
            if (load is not { Waiting: 0, Running: 0, MilliCores: 0 }) throw env.Broken("Conservation", $"nothing is open and the scheduler counts {load} for {user.Id}, {queue.InQueue} in its queue by our account");
        }
    }
}
