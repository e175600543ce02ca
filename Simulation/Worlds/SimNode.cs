using HiveMind.Nodes;
using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>A node as its grain has it: the stored part, and the memory of this activation. The room that is reserved is booked twice: by the rules and by the checks.</summary>
internal sealed class SimNode(int number, string id, string ownerId, int owner, WorldPlan plan, VirtualClock clock, Seams seams)
{
    public int Number { get; } = number;
    public string Id { get; } = id;
    public string OwnerId { get; } = ownerId;
    public int Owner { get; } = owner;
    /// <summary>What it lends when nothing was changed.</summary>
    public NodeCapabilities Whole { get; } = plan.Nodes[number].Lends;
    public NodeCapabilities Capabilities { get; set; } = plan.Nodes[number].Lends;
    public IReadOnlyDictionary<string, string> Labels { get; } = NodeLabels.Of(id, ownerId, plan.Nodes[number].Lends);
    public SimMachine Machine { get; } = new();

    // Stored.
    public bool Registered { get; set; } = true;
    public long Epoch { get; set; }
    public bool HoldsLease { get; set; }
    /// <summary>Its lease has ended because nothing was heard.</summary>
    public bool IsSilent { get; set; }
    /// <summary>Somebody said so.</summary>
    public bool Cordoned { get; set; }
    /// <summary>Ticks; 0: what runs may finish.</summary>
    public long DrainDeadline { get; set; }
    /// <summary>What it has earned. The product may lose the last second of it.</summary>
    public SlowStart SlowStart { get; } = new(plan.SlowStart) { Earned = SlowStart.Nothing };

    // Memory.
    public int Activation { get; private set; }
    public NodeRoom Room { get; private set; } = seams.NewRoom();
    public Dictionary<string, WantedAttempt> Wanted { get; } = [];
    public HashSet<(string TaskId, int Attempt)> Started { get; } = [];
    public NodeLease Lease { get; private set; } = NewLease(plan, clock);
    public long LeaseUntil { get; set; }
    public bool LeaseWatched { get; set; }
    public bool HasLink { get; set; }
    public bool Draining { get; set; }
    public long ViewVersion { get; set; }
    public List<LostWord> Owed { get; } = [];
    /// <summary>Named by its worker; whose they are is not known yet.</summary>
    public HashSet<AttemptReport> Undecided { get; } = [];
    /// <summary>Granted, perhaps: the answer got lost.</summary>
    public HashSet<string> Unsure { get; } = [];
    /// <summary>It fails what others would not: put aside for a while.</summary>
    public FailureStreak Streak { get; private set; } = NewStreak(plan);

    // The checks' own books.
    public Dictionary<string, ResourceRequest> Held { get; } = [];
    public ResourceRequest HeldSum { get; set; } = ResourceMath.Nothing;
    public long BeatsSince { get; set; }
    public int Beats { get; set; }

    public bool IsWithheld => Draining || Cordoned || Streak.IsCordoned(clock.Now);
    public bool CanTakeWork => HoldsLease && HasLink && !IsWithheld;
    public bool IsSettling => Undecided.Count > 0;
    /// <summary>Tasks of others that it may still take; null: as many as fit.</summary>
    public int? OthersLeft => SlowStart.Share(Capabilities) is { } share ? Math.Max(0, share - Room.CountBeside(OwnerId)) : null;

    /// <summary>A new activation: what was in memory only is gone, and its lease begins whole.</summary>
    public void Reactivate()
    {
        Activation++;
        Room = seams.NewRoom();
        Room.Resize(Capabilities);
        Wanted.Clear();
        Started.Clear();
        Owed.Clear();
        Undecided.Clear();
        Unsure.Clear();
        Held.Clear();
        HeldSum = ResourceMath.Nothing;
        Lease = NewLease(plan, clock);
        LeaseUntil = clock.Ticks + plan.Lease;
        Streak = NewStreak(plan);
        HasLink = Draining = false;
    }

    private static FailureStreak NewStreak(WorldPlan plan) => new(plan.CordonAfterFailures, plan.CordonFor, 4 * plan.CordonFor);

    /// <summary>Nobody looks once a second here: the world says when the hub was away.</summary>
    private static NodeLease NewLease(WorldPlan plan, VirtualClock clock) => new(clock, TimeSpan.FromTicks(plan.Lease), TimeSpan.FromDays(100_000));

    public void RenewLease()
    {
        Lease.Renew();
        LeaseUntil = clock.Ticks + plan.Lease;
    }

    public void HubReturns()
    {
        Lease.Return();
        LeaseUntil = Lease.RenewedAt + plan.Lease;
    }
}

/// <summary>An attempt that its task has still to be told is lost.</summary>
internal sealed record LostWord(int Task, int Node, int Attempt, string Cause, bool Counts);

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
    /// <summary>When it last asked for a connection.</summary>
    public long HelloAt { get; set; }
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
