namespace HiveMind.Simulation;

/// <summary>Virtual time: the clock, and the events that come next. Nothing happens between two events.</summary>
internal sealed class Timeline
{
    private readonly VirtualClock _clock = new();
    private readonly EventQueue _events = new();

    public Timeline() => Now = _clock.Now;

    public long Ticks => _clock.Ticks;
    public DateTimeOffset Now { get; private set; }
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
        _clock.Ticks = what.At;
        Now = _clock.Now;
        Steps++;
        return what;
    }
}
