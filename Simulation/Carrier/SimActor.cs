namespace HiveMind.Simulation;

/// <summary>A grain: the activation that lives now, with the commands that are under way in it.</summary>
internal abstract class SimActor
{
    /// <summary>Does what its commands wait for.</summary>
    public required IEffectHandler Handler { get; init; }
    /// <summary>Counts its activations: what an earlier one waited for comes back to nobody.</summary>
    public int Activation { get; set; }
    /// <summary>Its commands that are under way.</summary>
    public List<SimCommand> Commands { get; } = new(0);
    /// <summary>Of those that exclude each other, the one that is under way, and those that wait for it.</summary>
    public SimCommand? Exclusive { get; set; }
    public Queue<SimCommand>? Waiting { get; set; }

    public abstract bool Step(IEnumerator<Effect> command, Instant now);
}

/// <summary>A command of a machine on its way from step to step.</summary>
internal sealed class SimCommand(SimActor actor, IEnumerable<Effect> steps, bool isExclusive, long process)
{
    public SimActor Actor { get; } = actor;
    public int Activation { get; } = actor.Activation;
    public IEnumerator<Effect> Steps { get; } = steps.GetEnumerator();
    public bool IsExclusive { get; } = isExclusive;
    /// <summary>The hub's process that it runs in.</summary>
    public long Process { get; } = process;
    /// <summary>Answers of what it waits for that are not there yet.</summary>
    public int Missing { get; set; }
    /// <summary>It came to its end, or was refused.</summary>
    public Action<HiveMindException?>? Ended { get; init; }
    /// <summary>Its activation was lost under it.</summary>
    public Action? Died { get; init; }
}

/// <summary>What a carrier does for the commands of its machines.</summary>
internal interface IEffectHandler
{
    /// <summary>A part of that happens: some of it, or it fails. Where it is answered, the carrier is told (<see cref="CommandCarrier.Answered"/>).</summary>
    void Do(SimCommand command, Effect wait, int part);
}
