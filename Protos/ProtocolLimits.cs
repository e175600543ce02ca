namespace HiveMind.Protos;

/// <summary>Numbers of nodepool.proto that both ends of the wire hold to.</summary>
public static class ProtocolLimits
{
    /// <summary>The most that `task_data` may have.</summary>
    public const int PayloadBytes = 100 * 1024 * 1024;
    /// <summary>With room for the other fields around a payload of the full size.</summary>
    public const int MessageBytes = PayloadBytes + (64 * 1024);
    /// <summary>What `max_output_mb` of 0 means.</summary>
    public const int DefaultMaxOutputMb = 100;
}
