using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A node: what is stored of it, and the activation of its grain that lives now.</summary>
internal sealed class SimNode(int number, string id, string ownerId, int owner, WorldPlan plan) : SimActor
{
    public int Number { get; } = number;
    public string Id { get; } = id;
    public string OwnerId { get; } = ownerId;
    public int Owner { get; } = owner;
    /// <summary>What it lends when nothing was changed.</summary>
    public NodeCapabilities Whole { get; } = plan.Nodes[number].Lends;
    public NodeCapabilities Capabilities { get; set; } = plan.Nodes[number].Lends;
    public SimMachine Machine { get; } = new();

    /// <summary>Null: there is no record.</summary>
    public NodeRecord? Stored { get; set; }
    public bool IsRegistered => Stored is { Removed: false };

    public NodeMachine Rules { get; set; } = null!;
    public bool TickWaits { get; set; }
    /// <summary>Commands that it began by itself and that are under way; what a planted defect puts off until none is.</summary>
    public int Begun { get; set; }
    public List<Action> AfterBegun { get; } = [];

    // What the checks know.
    public long LastEpoch { get; set; } = -1;
    /// <summary>It shrank, or took up what it ran already: it may hold more than it lends until enough has ended.</summary>
    public bool MayExceed { get; set; }
    /// <summary>What it last said that it lends.</summary>
    public ResourceRequest? SaidTotal { get; set; }
    /// <summary>What it last said that it holds, where that is counted.</summary>
    public HashSet<string> Said { get; set; } = [];
    public NodeView? LastSaid { get; set; }
    public long BeatsSince { get; set; }
    public int Beats { get; set; }

    public override bool Step(IEnumerator<Effect> command, Instant now) => Rules.Step(command, now);
}

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
    public HiveMind.Tasks.TaskOutcomeReport? Outcome { get; set; }

    /// <summary>As a heartbeat names it.</summary>
    public AttemptReport Said => _said is { } said && said.Started == Began ? said : _said = new AttemptReport(taskId, Attempt, Began);
}
