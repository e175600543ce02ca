using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What runs on machines is what the hub knows of: starts are shown, what nobody wants dies, no run is killed for a slow store, nobody is stormed.</summary>
internal sealed class MachineChecks(SimEnvironment env, SimPool pool)
{
    private const int MostBeats = 2500;

    /// <summary>One word must not bring forth two: heartbeats that answer heartbeats do not multiply.</summary>
    public void CheckLoad(SimNode node)
    {
        if (env.Time.Ticks - node.BeatsSince > Ticks.Second) (node.BeatsSince, node.Beats) = (env.Time.Ticks, 0);
        if (++node.Beats > MostBeats) throw env.Broken("Load", $"{node.Id} heard {MostBeats} heartbeats within a second");
    }

    /// <summary>A lease whose end is being written is not renewed any more.</summary>
    public static void CheckAnswer(SimEnvironment env, SimNode node)
    {
        foreach (var command in node.Commands)
            if (command.Missing > 0 && command.Steps.Current is SaveNode { Why: SaveOf.Verdict }) throw env.Broken("Lease", $"{node.Id} is answered while the end of its lease is being written");
    }

    /// <summary>What was dropped is dropped until it is gone, however often the word of it is lost: the run of an ended task dies.</summary>
    public void CheckUnwanted(SimNode node)
    {
        if (env.Plan.LosesMachines || env.Plan.LosesHubs || !node.Machine.Connected) return;
        foreach (var run in node.Machine.Runs)
        {
            if (run is not { Began: true, Gone: false, Outcome: null } || pool.Tasks[run.Task] is not { Terminal: not null } ended) continue;
            if (env.Time.Ticks - ended.EndedAt > 2 * Ticks.Minute)
                throw env.Broken("Drop", $"attempt {run.Attempt} of {ended.Id} still runs on {node.Id}, and its task ended {TimeSpan.FromTicks(env.Time.Ticks - ended.EndedAt):c} ago");
            env.Figures.Unwanted++;
        }
    }

    /// <summary>A program that runs is shown as one that runs, or its cancel would pay nobody.</summary>
    public void CheckStarts(SimNode node)
    {
        if (env.Plan.LosesMachines || env.Plan.LosesHubs || env.Plan.AskFails > 0 || !node.Machine.Connected) return;
        foreach (var run in node.Machine.Runs)
        {
            if (run is not { Began: true, Gone: false, Outcome: null } || env.Time.Ticks - run.BeganAt < Ticks.Minute || !AttemptLedger.IsOpen(pool.Tasks[run.Task], node, run.Attempt)) continue;
            env.Figures.StartsChecked++;
            if (pool.Tasks[run.Task].Rules.Snapshot(env.Time.Instant) is not { State: TaskState.Running }) throw env.Broken("Start", $"attempt {run.Attempt} of {pool.Tasks[run.Task].Id} runs on {node.Id}, and its task does not know it");
        }
    }

    /// <summary>The number is the fence: each start of a program has its own. A stream carries a push once; where it is doubled it may start twice.</summary>
    public void CheckBegins(SimTask task, SimNode node, int attempt)
    {
        if (env.Plan.Doubled > 0 || env.Plan.Lost > 0) return;
        if (task.Begun?.Contains(attempt) == true) throw env.Broken("I3", $"attempt {attempt} of {task.Id} begins on {node.Id}, and it had begun before");
        (task.Begun ??= []).Add(attempt);
    }

    /// <summary>A worker kills a run because nobody answered it for as long as its lease.</summary>
    public void CheckLease(SimNode node, SimRun run)
    {
        if (env.Plan.OnlyStoresAreSlow) throw env.Broken("Lease", $"{node.Id} kills attempt {run.Attempt} of t{run.Task:D9} because nobody answers it, and only stores are slow");
    }
}
