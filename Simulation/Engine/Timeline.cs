namespace HiveMind.Simulation;

/// <summary>Virtual time: the clock, and the events that come next. Nothing happens between two events.</summary>
internal sealed class Timeline
{
    private readonly EventQueue _events = new();

    /// <summary>The only clock of the world, wall and monotonic, in ticks of 100 ns since it began.</summary>
    public long Ticks { get; private set; }
    public DateTimeOffset Now { get; private set; } = VirtualClock.At(0);
    public Instant Instant => new(Elapsed, Now);
    public TimeSpan Elapsed => TimeSpan.FromTicks(Ticks);
    /// <summary>Events that have happened.</summary>
    public long Steps { get; private set; }

    public void Later(long after, EventKind kind, int a = 0, int b = 0, object? body = null) => At(Ticks + after, kind, a, b, body);

    public void At(long at, EventKind kind, int a, int b, object? body) => _events.Add(at, kind, a, b, body);

    /// <summary>The clock goes on to what comes next.</summary>
    public SimEvent Next()
    {
        var what = _events.Take();
        Ticks = what.At;
        Now = VirtualClock.At(Ticks);
        Steps++;
        return what;
    }
}
