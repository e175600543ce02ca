using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>One stream of a worker: of which of its processes, and when it was asked for.</summary>
internal sealed record SimLink(int Life, long Hello);

/// <summary>The machine behind a node: what its worker process knows, which is not what the hub knows.</summary>
internal sealed class SimMachine
{
    public bool Up { get; set; }
    /// <summary>Counts its processes: what was on its way to an earlier one is not for this one.</summary>
    public int Life { get; set; }
    /// <summary>It does nothing before then, and then all at once.</summary>
    public long FrozenUntil { get; set; }
    /// <summary>No packet passes before then.</summary>
    public long CutUntil { get; set; }
    public bool Connected { get; set; }
    public bool Connecting { get; set; }
    /// <summary>When it last asked for a connection, and when it asked for the one that it has.</summary>
    public long HelloAt { get; set; }
    public long StreamOf { get; set; }
    public long Epoch { get; set; }
    /// <summary>When the last message that was answered was sent.</summary>
    public long RenewedAt { get; set; }
    public bool LeaseWatched { get; set; }
    public bool Draining { get; set; }
    /// <summary>A heartbeat out of turn is due; is about to be written; one is not yet answered.</summary>
    public bool WantsToSay { get; set; }
    public bool WillSay { get; set; }
    public bool AwaitsAnswer { get; set; }
    public List<SimRun> Runs { get; } = [];
    /// <summary>Attempts that were answered: a late duplicate of their assignment does not run again.</summary>
    public HashSet<(int Task, int Attempt)> Answered { get; } = [];
    /// <summary>One stream keeps the order of what it carries.</summary>
    public long StreamUntil { get; set; }

    public SimRun? Find(int task, int attempt)
    {
        foreach (var run in Runs)
            if (run.Task == task && run.Attempt == attempt) return run;
        return null;
    }
}

/// <summary>An attempt on a machine: its program runs, or has ended and its report is not yet answered.</summary>
internal sealed class SimRun(int task, string taskId, int attempt, long limit, long lease)
{
    /// <summary>Its own, where longer than the worker's.</summary>
    public long Lease { get; } = lease;
    private AttemptReport? _said;

    public int Task { get; } = task;
    public int Attempt { get; } = attempt;
    /// <summary>How long its program may run.</summary>
    public long Limit { get; } = limit;
    public bool Began { get; set; }
    public long BeganAt { get; set; }
    public bool Gone { get; set; }
    public TaskOutcomeReport? Outcome { get; set; }

    /// <summary>As a heartbeat names it.</summary>
    public AttemptReport Said => _said is { } said && said.Started == Began ? said : _said = new AttemptReport(taskId, Attempt, Began);
}
