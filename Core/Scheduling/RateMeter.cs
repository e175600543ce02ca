namespace HiveMind.Scheduling;

/// <summary>How often something happens lately: a count that is forgotten by half every two minutes.</summary>
internal sealed class RateMeter
{
    private const double HalfLife = 120;
    private double _count;
    private long _at;

    public void Add(long now, int times = 1)
    {
        _count = Count(now) + times;
        _at = Math.Max(_at, now);
    }

    /// <summary>Times a second.</summary>
    public double Rate(long now) => Count(now) * Math.Log(2) / HalfLife;

    /// <summary>Enough of them to speak of a rate.</summary>
    public bool IsTelling(long now) => Count(now) >= 1;

    private double Count(long now) => now <= _at ? _count : _count * Math.Pow(2, -(now - _at) / (double)TimeSpan.TicksPerSecond / HalfLife);
}
