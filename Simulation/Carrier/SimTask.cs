using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>A task: what its grain stores and remembers, its entry in the index, and beside these what the checks know of it by themselves.</summary>
internal sealed class SimTask(int number, int user, TaskShape shape, TaskSpec spec, PendingTask born) : SimActor
{
    public int Number { get; } = number;
    public string Id => Born.TaskId;
    public int User { get; } = user;
    public TaskShape Shape { get; } = shape;
    public TaskSpec Spec { get; } = spec;
    public PendingTask Born { get; } = born;
    /// <summary>As it is in the index.</summary>
    public PendingTask Entry
    {
        get;
        set
        {
            field = value;
            EntryBytes = BitConverter.GetBytes(_entries++);
        }
    } = born;
    /// <summary>Another for each time that it was written.</summary>
    public byte[] EntryBytes { get; private set; } = [];
    private int _entries;
    /// <summary>How long its program runs, and how it ends.</summary>
    public long RunTicks { get; init; }
    public string Ends { get; init; } = Causes.Completed;

    /// <summary>As it is stored. Null: it is not born yet, or its submit died between the index and the birth.</summary>
    public TaskRecord? Record { get; set; }
    public TaskMachine Rules { get; set; } = null!;

    public bool InIndex { get; set; }
    /// <summary>The node that may hold it, -1: none.</summary>
    public int Mark { get; set; } = -1;

    // What the checks know: told by the events, never by the rules.
    public int LastAttempt { get; set; }
    /// <summary>0: none is open.</summary>
    public int OpenAttempt { get; set; }
    public int OpenNode { get; set; } = -1;
    /// <summary>The attempts that have ended, with their nodes.</summary>
    public List<(int Attempt, int Node)>? Closed { get; set; }
    /// <summary>The attempts whose program was begun somewhere.</summary>
    public List<int>? Begun { get; set; }
    /// <summary>The record as it was when it ended.</summary>
    public TaskRecord? Terminal { get; set; }
    public bool CancelAcknowledged { get; set; }
    public long WaitsSince { get; set; }
    /// <summary>Ticks: not granted from then on; null: whenever.</summary>
    public long? MustStartBy
    {
        get
        {
            var (queue, total) = (Record!.Spec!.QueueDeadline.Ticks, Record.Spec.TotalTimeout.Ticks);
            var by = Math.Min(LastAttempt == 0 && queue > 0 ? queue : long.MaxValue, total > 0 ? total : long.MaxValue);
            return by == long.MaxValue ? null : VirtualClock.TicksAt(Record.CreatedAt) + by;
        }
    }
    public long FirstGrantAt { get; set; } = -1;
    public long EndedAt { get; set; } = -1;
    /// <summary>What its account's tasks that ended before it came had used.</summary>
    public double AheadFrom { get; set; }
    /// <summary>Machines on which a run of it is going on now.</summary>
    public int RunningNow { get; set; }
    /// <summary>Its place in the list of open tasks.</summary>
    public int OpenPlace { get; set; }

    public override bool Step(IEnumerator<Effect> command, Instant now) => Rules.Step(command, now);

    // The same of this incarnation of the scheduler.
    public bool InQueue { get; set; }
    /// <summary>It counts against its account's quota.</summary>
    public bool Holds { get; set; }
    /// <summary>The offer that carries it now.</summary>
    public OfferOnItsWay? Offer { get; set; }
    /// <summary>Told again while an offer carried it.</summary>
    public bool Again { get; set; }
    public long AgainFrom { get; set; }
    /// <summary>Never offered before then: its pause after an attempt.</summary>
    public long HeldUntil { get; set; }
    /// <summary>Perhaps not offered before then: its rest after an offer that was not taken.</summary>
    public long RestsUntil { get; set; }
}

/// <summary>What tasks have in common that are equal to a node.</summary>
internal sealed record TaskShape(int Number, string Type, ResourceRequest Resources, string Labels, double MeanSeconds, double TimeoutFactor, double Weight)
{
    /// <summary>Some node, empty and whole, would take it from anyone.</summary>
    public bool Feasible { get; set; }
    public ResourceVector Size { get; } = ResourceVector.Of(Resources);
}
