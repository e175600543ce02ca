namespace HiveMind.Simulation;

/// <summary>What all parts of a world share: its plan, virtual time, chance, and what has been seen.</summary>
internal sealed class SimEnvironment(WorldPlan plan, PlantedDefect defect, string command)
{
    private TraceHash _trace;

    public WorldPlan Plan { get; } = plan;
    public PlantedDefect Defect { get; } = defect;
    public Timeline Time { get; } = new();
    /// <summary>What comes and how long it runs has its own chance, so that it is the same whatever the scheduler does.</summary>
    public SimRandom Work { get; } = new(plan.Seed * 2 + 1_000_003);
    public SimRandom Chance { get; } = new(plan.Seed * 2 + 2_000_003);
    public WorldFigures Figures { get; } = new();
    public ulong Trace => _trace.Value;
    /// <summary>No new work and no new faults: what is open must end.</summary>
    public bool IsEnding { get; set; }

    /// <summary>Of the hub: what one process reads off its clock says nothing to another.</summary>
    public long HubProcess { get; set; } = 1;

    /// <summary>Whether that goes wrong now: nothing does once the end has begun.</summary>
    public bool GoesWrong(double probability) => !IsEnding && Chance.Chance(probability);

    public void AddToTrace(long a, long b) => _trace.Add(a, b);

    public ViolationException Broken(string invariant, string what, Exception? cause = null) => new(invariant, what, Plan.Seed, Time.Steps, Time.Elapsed, command, cause);
}
