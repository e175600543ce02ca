using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>A machine that takes part: whose it is, what it lends.</summary>
internal sealed record PlannedNode(string Id, int Owner, NodeCapabilities Lends);

/// <summary>An account: how much of the load is its own, and the role that decides weight and quota.</summary>
internal sealed record PlannedUser(string Id, string Role, double Load);

/// <summary>What a world is made of. Times are ticks; a mean time between faults of 0 is never.</summary>
internal sealed record WorldPlan
{
    public required ulong Seed { get; init; }
    public required string Kind { get; init; }
    public required IReadOnlyList<PlannedNode> Nodes { get; init; }
    public required IReadOnlyList<PlannedUser> Users { get; init; }
    public required IReadOnlyList<TaskShape> Shapes { get; init; }
    public string Policy { get; init; } = PlacementPolicies.All[0].Name;
    public SchedulingOptions Scheduling { get; init; } = new();
    public int MaxAttempts { get; init; } = 5;
    /// <summary>Machines that one task may take down; 0: any number.</summary>
    public int CrashLimit { get; init; }
    /// <summary>Failures of several accounts in a row after which a machine is cordoned; 0: never.</summary>
    public int CordonAfterFailures { get; init; }
    /// <summary>Tasks of others that a new machine may hold at most; 0: as many as fit.</summary>
    public int SlowStart { get; init; }
    public TimeSpan CordonFor { get; init; } = TimeSpan.FromSeconds(10);

    // The load: work that comes for each unit of work that the pool can do, high and low by turns.
    public double LoadHigh { get; init; } = 0.9;
    public double LoadLow { get; init; } = 0.9;
    public long LoadTurn { get; init; } = Ticks.Minute;
    public double BurstChance { get; init; }
    public int BurstMost { get; init; } = 1;
    /// <summary>Submitters wait while so many tasks are open.</summary>
    public int MostOpen { get; init; } = 2000;
    /// <summary>Submits in all; 0: until the steps are done.</summary>
    public int Tasks { get; init; }
    /// <summary>Low, Normal, High, Urgent: how often each is asked for.</summary>
    public IReadOnlyList<double> Priorities { get; init; } = [1, 4, 1, 0.3];
    public double CancelShare { get; init; }
    public double OrphanShare { get; init; }
    /// <summary>Of the runs: the program fails; the worker does; it asks for more memory than there is.</summary>
    public double FailShare { get; init; }
    public double WorkerFaultShare { get; init; }
    /// <summary>Of the tasks: they are to start by a moment, to end by one, to be tried again after a failure.</summary>
    public double DeadlineShare { get; init; }
    public double RetryShare { get; init; }

    // Time.
    public long Heartbeat { get; init; } = 3 * Ticks.Second;
    public long WorkerLease { get; init; } = 12 * Ticks.Second;
    public long Lease { get; init; } = 15 * Ticks.Second;
    /// <summary>Every fourth task asks for a lease of its own, of up to that; 0: none does.</summary>
    public long LongestLease { get; init; }
    public long SweepEvery { get; init; } = Ticks.Minute;

    // The network.
    public double Delay { get; init; } = 2 * Ticks.Millisecond;
    /// <summary>Chance that a message takes a hundred times as long.</summary>
    public double Straggles { get; init; }
    /// <summary>No message takes longer: by then its stream or its call is given up.</summary>
    public const long LongestDelay = 2 * Ticks.Second;
    public double Lost { get; init; }
    public double Doubled { get; init; }
    /// <summary>Chance that a write fails or, as often, succeeds and says it failed.</summary>
    public double WriteFails { get; init; }

    // Mean time between faults, of the whole pool.
    public long Deaths { get; init; }
    public long Freezes { get; init; }
    public long Cuts { get; init; }
    public long Resizes { get; init; }
    public long Departures { get; init; }
    public long Cordons { get; init; }
    public long SchedulerDeaths { get; init; }
    public long NodeGrainLosses { get; init; }
    public long TaskGrainLosses { get; init; }
    /// <summary>The whole hub does nothing for a while; or is killed and started again.</summary>
    public long HubFreezes { get; init; }
    public long HubOutages { get; init; }
    /// <summary>Chance that a store hangs for some seconds before it does what it is asked for.</summary>
    public double StoreHangs { get; init; }
    /// <summary>Chance that a record cannot be asked.</summary>
    public double AskFails { get; init; }

    /// <summary>Nothing fails, nobody leaves: what is promised must come true to the letter.</summary>
    public bool IsCalm => CordonAfterFailures == 0 && SlowStart == 0 && Scheduling.RetryElsewhere == TimeSpan.Zero && Lost == 0 && Doubled == 0 && WriteFails == 0 && StoreHangs == 0
        && (Deaths | Freezes | Cuts | Resizes | Departures | Cordons | SchedulerDeaths | NodeGrainLosses | TaskGrainLosses | HubFreezes | HubOutages) == 0;

    public bool LosesHubs => (HubFreezes | HubOutages) > 0;
    public bool LosesMachines => (Deaths | Freezes | Cuts | Resizes | Departures | Cordons) > 0;
    /// <summary>The hub fails and nobody else: no loss is a machine's or a task's doing.</summary>
    public bool OnlyTheHubFails => LosesHubs && CordonAfterFailures == 0 && !LosesMachines && Lost == 0 && Doubled == 0 && WriteFails == 0;

    /// <summary>Machines, lines and the hub's processes are well: no run is killed, however slow the stores are.</summary>
    public bool OnlyStoresAreSlow => StoreHangs > 0 && !LosesMachines && !LosesHubs && NodeGrainLosses == 0 && Lost == 0 && Straggles == 0;

    public bool LosesSchedulers => SchedulerDeaths > 0;

    /// <summary>
    /// How much later than its run timeout a run's room may be free, as the scheduler hears it, when nothing fails: a few messages, and the heartbeats after which a
    /// cancelled run is known to be gone.
    /// </summary>
    public long Slack => Math.Min(LongestDelay, (long)(Delay * (Straggles > 0 ? 2500 : 25))) * 6 + 2 * Ticks.Second + 2 * Heartbeat;

    /// <summary>Some node, empty and whole, would take such a task of that user's.</summary>
    public bool IsFeasible(TaskShape shape, int user)
    {
        if (shape.Feasible) return true;
        foreach (var node in Nodes)
            if (!node.Lends.AcceptsStrangers && node.Owner == user && Runs(node, shape)) return true;
        return false;
    }

    public bool Runs(PlannedNode node, TaskShape shape) => node.Lends.SupportedTasks.Contains(shape.Type)
        && shape.Resources.Fits(NodeReservations.TotalOf(node.Lends))
        && LabelExpression.Parse(shape.Labels).Matches(NodeLabels.Of(node.Id, Users[node.Owner].Id, node.Lends));
}
