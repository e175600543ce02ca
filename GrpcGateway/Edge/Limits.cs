using HiveMind.Protos;

namespace HiveMind.Edge;

/// <summary>What one call may weigh.</summary>
internal static class Limits
{
    public const int PayloadBytes = ProtocolLimits.PayloadBytes;
    public const int MessageBytes = ProtocolLimits.MessageBytes;
    public const int ChunkBytes = 64 * 1024;
    /// <summary>Every other message; what is larger comes in chunks.</summary>
    public const int OrdinaryBytes = 1024 * 1024;
    /// <summary>One answer, all of it: what a client takes that changed nothing (gRPC's own limit in every language).</summary>
    public const int AnswerBytes = 4 * 1024 * 1024;
    /// <summary>Each output within a report by unary call; what is larger comes by SendOutput.</summary>
    public const int ReportOutputBytes = 400 * 1024;
    /// <summary>A batch of submits: the endpoint refuses in its own words what is over its 4 MiB, and what is far over is not read.</summary>
    public const int BatchBytes = 8 * 1024 * 1024;
    /// <summary>A registration or a login; health checks are smaller still.</summary>
    public const int AnonymousBytes = 64 * 1024;
    /// <summary>Large answers under way at the same time; a quarter of it may be one account's.</summary>
    public const int AnswersBytes = 128 * 1024 * 1024;
    /// <summary>All other answers under way that are not small, and how much of it may be one account's: lists are quick to make and may never be read.</summary>
    public const int ListsBytes = 256 * 1024 * 1024, ListsBytesOfOne = 16 * 1024 * 1024;
    /// <summary>What a row of a long list takes while it is made and read.</summary>
    public const int RowBytes = 1024;
    /// <summary>Answers up to this need no room: they weigh no more than the call around them.</summary>
    public const int SmallAnswerBytes = 8 * 1024;
    /// <summary>Messages up to this that have come whole are worked on without asking for room.</summary>
    public const int SmallBytes = 64 * 1024;
    /// <summary>What all callers without a token may have begun to send at the same time.</summary>
    public const int StrangersBytes = 32 * 1024 * 1024;
    /// <summary>A stream that carries bytes and falls silent for this long is cut off: grpc-dotnet lifts Kestrel's own limits there.</summary>
    public static readonly TimeSpan StreamIdle = TimeSpan.FromSeconds(30);
}
