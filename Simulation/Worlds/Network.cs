namespace HiveMind.Simulation;

/// <summary>What lies between processes: messages are late, get lost, come twice and overtake each other.</summary>
internal sealed class Network(SimEnvironment env)
{
    /// <summary>How long a message takes.</summary>
    public long Delay()
    {
        var delay = 1 + env.Chance.Exponential(env.Plan.Delay);
        return Math.Min(env.Chance.Chance(env.Plan.Straggles) ? 100 * delay : delay, WorldPlan.LongestDelay);
    }

    public bool Loses() => env.GoesWrong(env.Plan.Lost);

    private bool Doubles() => env.GoesWrong(env.Plan.Doubled);

    /// <summary>A message that may get lost, arrive twice, and overtake others.</summary>
    public void Send(EventKind kind, int a, int b = 0, object? body = null)
    {
        if (Loses()) return;
        env.Time.Later(Delay(), kind, a, b, body);
        if (Doubles()) env.Time.Later(Delay(), kind, a, b, body);
    }

    /// <summary>A call that is made again until it is answered: late at worst.</summary>
    public void Call(EventKind kind, int a, int b = 0, object? body = null, long after = 0) =>
        env.Time.Later(after + Delay() + (Loses() ? 5 * Ticks.Second : 0), kind, a, b, body);

    /// <summary>What a machine sends. By its stream it arrives once and in the order in which it was sent, if at all.</summary>
    public void ToHub(SimNode node, EventKind kind, object body, bool ordered = true)
    {
        var machine = node.Machine;
        if (machine.CutUntil > env.Time.Ticks || Loses()) return;
        var at = env.Time.Ticks + Delay();
        if (ordered) at = machine.StreamUntil = Math.Max(at, machine.StreamUntil + 1);
        env.Time.At(at, kind, node.Number, 0, body);
        if (!ordered && Doubles()) env.Time.At(at + Delay(), kind, node.Number, 0, body);
    }
}
