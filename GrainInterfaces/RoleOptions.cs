namespace HiveMind;

/// <summary>What an account of a role may have; 0: no limit.</summary>
public sealed class RoleOptions
{
    public static readonly RoleOptions Default = new();

    /// <summary>Its share against others': twice the weight, twice the share.</summary>
    public double Weight { get; set; } = 1;
    public int MaxRunning { get; set; }
    public double MaxCores { get; set; }
    public int MaxPending { get; set; }
    public int SubmitsPerSecond { get; set; }
    /// <summary>Tasks that wait or run.</summary>
    public int MaxOpen { get; set; } = 100_000;
    /// <summary>The programs of these tasks together, MiB.</summary>
    public int MaxPayloadMb { get; set; } = 10_240;
    /// <summary>Of these tasks, those of the priority URGENT.</summary>
    public int MaxUrgent { get; set; } = 100;
    /// <summary>Uploads that are kept, whole or not.</summary>
    public int MaxUploads { get; set; } = 1000;
    /// <summary>These together, MiB.</summary>
    public int MaxUploadMb { get; set; } = 16_384;
    /// <summary>Outputs of its ended tasks that are kept as files, MiB; above that no new task is let in.</summary>
    public int MaxOutputsMb { get; set; } = 51_200;
    /// <summary>Registered nodes.</summary>
    public int MaxNodes { get; set; } = 64;
}
