namespace HiveMind.Workers.Connection;

/// <summary>Doubling waits with jitter (half to the whole), so that a thousand workers do not come back in the same instant.</summary>
public sealed class Backoff(TimeSpan first, TimeSpan most, Random chance)
{
    private int _failures;

    public static Backoff Default(Random chance) => new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(5), chance);

    public void Reset() => _failures = 0;

    public TimeSpan Next()
    {
        var whole = Math.Min(most.TotalMilliseconds, first.TotalMilliseconds * Math.Pow(2, Math.Min(_failures, 30)));
        _failures++;
        return TimeSpan.FromMilliseconds(whole * (0.5 + chance.NextDouble() / 2));
    }
}
