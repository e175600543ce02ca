using Google.Rpc;
using Grpc.Core;

namespace HiveMind.Workers.Connection;

/// <summary>What a hub's failure means to a worker.</summary>
internal static class HubFailures
{
    public const string StaleEpoch = "STALE_EPOCH";

    /// <summary>Later may be better: the hub or a store is away, or the way to it broke.</summary>
    public static bool IsTransient(StatusCode code) => code
        is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled or StatusCode.ResourceExhausted
        or StatusCode.Internal or StatusCode.Unknown;

    public static string Reason(RpcException e)
    {
        try
        {
            return e.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? "";
        }
        catch (Google.Protobuf.InvalidProtocolBufferException)
        {
            return "";
        }
    }

    /// <summary>The hub has another part of what is being sent: asking where to go on mends it.</summary>
    public static bool IsWrongOffset(RpcException e) => e.StatusCode == StatusCode.FailedPrecondition && Reason(e) is "WRONG_OFFSET" or "PARTIAL_INCOMPLETE";

    /// <summary>Another start of a worker runs as this node, as far as can be told yet: it may be dead, and is known to be after some seconds.</summary>
    public static bool IsHeld(RpcException e) => Reason(e) == "NODE_HELD";

    /// <summary>Another start of a worker runs as this node: it was heard since this one was told to wait.</summary>
    public static bool IsInUse(RpcException e) => Reason(e) == "NODE_IN_USE";

    public static bool IsStaleEpoch(RpcException e) => e.StatusCode == StatusCode.Aborted
        && (Reason(e) == StaleEpoch || e.Status.Detail.Contains(StaleEpoch, StringComparison.Ordinal));
}
