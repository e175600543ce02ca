using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Rewards;

/// <summary>Credits per hour of each reserved resource.</summary>
public sealed record RewardRates(decimal CoreHour, decimal MemoryGibHour, decimal GpuHour)
{
    public static RewardRates From(RewardOptions options) => new(options.CoreHour, options.MemoryGibHour, options.GpuHour);
}

/// <summary>What an attempt costs its payer and earns its node's owner: reserved resources × run time × rate.</summary>
public static class RewardFormula
{
    private const decimal MsPerHour = 3_600_000m;

    /// <summary>A reservation of less is charged as this: whatever it asks for, a program uses a machine.</summary>
    public const int LeastMilliCores = 100;

    /// <summary>Micro-credits, rounded half away from zero; never negative.</summary>
    public static long Micros(ResourceRequest reserved, long runMs, RewardRates rates)
    {
        return runMs <= 0 ? 0 : (long)Math.Round(Exact(reserved, runMs, rates), MidpointRounding.AwayFromZero);
    }

    /// <summary>The most that a run of that length can cost, rounded up.</summary>
    public static long MostMicros(ResourceRequest reserved, TimeSpan longest, RewardRates rates) =>
        (long)Math.Ceiling(Exact(reserved, Math.Max(0, (long)longest.TotalMilliseconds), rates));

    private static decimal Exact(ResourceRequest reserved, long runMs, RewardRates rates)
    {
        var perHour = Math.Max(LeastMilliCores, reserved.MilliCores) / 1000m * rates.CoreHour + reserved.MemoryMb / 1024m * rates.MemoryGibHour + reserved.Gpus * rates.GpuHour;
        return Math.Min(Credits.MostMicros, perHour / MsPerHour * Credits.Micro * runMs);
    }

    /// <summary>Which ends are paid for: everything that the program or its submitter brought about, nothing that the machine did.</summary>
    public static bool IsPaid(string cause) => cause is Causes.Completed or Causes.ProgramFailed or Causes.RunTimeout or Causes.TotalTimeout
        or Causes.OutOfMemory or Causes.OutOfDisk or Causes.OutputTooLarge or Causes.Cancelled;

    /// <summary>
    /// The run time that is paid, in ms: what the hub measured by its monotonic clock; the worker's own figure can only lower it (the hub may have
    /// been away while the result waited for it), and nobody pays for more than the run timeout.
    /// </summary>
    public static long PayableMs(TimeSpan measured, long claimedMs, TimeSpan runTimeout)
    {
        var ms = Math.Max(0, (long)measured.TotalMilliseconds);
        if (claimedMs > 0) ms = Math.Min(ms, claimedMs);
        return Math.Max(0, Math.Min(ms, (long)runTimeout.TotalMilliseconds));
    }
}
