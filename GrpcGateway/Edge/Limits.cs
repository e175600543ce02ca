namespace HiveMind.Edge;

/// <summary>What one call may weigh. The message limit leaves room for the other fields around a payload of the full size.</summary>
internal static class Limits
{
    public const int PayloadBytes = 100 * 1024 * 1024;
    public const int MessageBytes = PayloadBytes + (64 * 1024);
    public const int ChunkBytes = 64 * 1024;
    /// <summary>A registration or a login; health checks are smaller still.</summary>
    public const int AnonymousBytes = 64 * 1024;
    /// <summary>A stream that carries bytes and falls silent for this long is cut off: grpc-dotnet lifts Kestrel's own limits there.</summary>
    public static readonly TimeSpan StreamIdle = TimeSpan.FromSeconds(30);
}
