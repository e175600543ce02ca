using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>
/// Whose turn it is. An account's rank is what it has used, forgotten by half in every <see cref="SchedulingOptions.UsageHalfLife"/> (Slurm's decayed usage),
/// plus what it holds now as though it had held it for one half-life (the part of dominant resource fairness that shares out a free pool at
/// once), over its weight. The lowest rank goes first. Use is counted in cores × seconds, memory and GPUs at the price they have by default.
/// </summary>
/// <remarks>
/// Nothing is multiplied down as time goes by: use is kept scaled by 2^(time / half-life), so that what was used later weighs more, and the order of
/// accounts that use nothing stays what it is without being touched. Now and then the scale starts over.
/// </remarks>
internal sealed class FairShare(SchedulingOptions options)
{
    private const double GibPrice = 0.1, GpuPrice = 10;
    /// <summary>Half-lives after which the scale starts over, long before it overflows; more in one leap than that is as good as for ever.</summary>
    private const double StartOver = 200, ForEver = 1000;

    private readonly double _halfLife = Math.Max(1, options.UsageHalfLife.TotalSeconds);
    private long _epoch = long.MinValue;

    /// <summary>The moment that all ranks are of.</summary>
    public long Clock { get; private set; }
    public double Scale { get; private set; } = 1;

    /// <summary>What a second of it costs, in core-seconds.</summary>
    public static double Cost(in ResourceVector request) =>
        request.MilliCores / 1000.0 + request.MemoryMb / 1024.0 * GibPrice + request.Gpus * GpuPrice;

    public double BandWeight(TaskPriority priority) => priority switch
    {
        TaskPriority.Low => options.BandWeights.Low,
        TaskPriority.High => options.BandWeights.High,
        TaskPriority.Urgent => options.BandWeights.Urgent,
        _ => options.BandWeights.Normal,
    };

    /// <summary>The factor by which all that was used must be multiplied: 1, but for when the scale starts over.</summary>
    public double Advance(long now)
    {
        if (_epoch == long.MinValue) _epoch = now;
        Clock = Math.Max(Clock, now);
        var halfLives = HalfLives(Clock);
        if (halfLives <= StartOver)
        {
            Scale = Math.Pow(2, halfLives);
            return 1;
        }
        (_epoch, Scale) = (Clock, 1);
        return Math.Pow(2, -halfLives);
    }

    /// <summary>That moment is so far on that the scale must start over before anything is added up to it.</summary>
    public bool IsBeyond(long now) => _epoch != long.MinValue && HalfLives(now) > StartOver;

    /// <summary>What that rate uses up between the two moments.</summary>
    public double Used(double rate, long from, long to)
    {
        if (_epoch == long.MinValue) _epoch = from;
        return to <= from ? 0 : rate * _halfLife / Math.Log(2) * (At(to) - At(from));
    }

    public double Rank(double used, double rate, double weight) => (used + rate * _halfLife * Scale) / weight;

    /// <summary>Used core-seconds as they count at the clock.</summary>
    public double Now(double used) => used / Scale;

    private double At(long ticks) => Math.Pow(2, HalfLives(ticks));

    /// <summary>Since the scale last started over, clamped: whatever clocks say, powers of it stay finite.</summary>
    private double HalfLives(long ticks) => Math.Clamp(((double)ticks - _epoch) / TimeSpan.TicksPerSecond / _halfLife, -ForEver, ForEver);
}
