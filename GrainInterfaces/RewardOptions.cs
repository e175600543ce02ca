namespace HiveMind;

public sealed class RewardOptions
{
    /// <summary>Credits of a new account.</summary>
    public decimal StartingCredits { get; set; } = 1000;
    /// <summary>Whether a task is let in only if the balance covers the most that it may cost; null: in locked mode.</summary>
    public bool? RequireBalance { get; set; }
    /// <summary>Credits per core-hour.</summary>
    public decimal CoreHour { get; set; } = 1;
    /// <summary>Credits per GiB-hour of memory.</summary>
    public decimal MemoryGibHour { get; set; } = 0.1m;
    /// <summary>Credits per GPU-hour.</summary>
    public decimal GpuHour { get; set; } = 10;
}
