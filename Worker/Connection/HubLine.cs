using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Workers.Connection;

/// <summary>
/// The channel that is in use, for whatever does not belong to one session. What is under way on the one before ends with it, as on a connection that broke,
/// and is tried again on the new one: a frozen connection holds up nothing for longer than it takes to find another.
/// </summary>
public sealed class HubLine : IDisposable
{
    private HubChannel? _channel;

    private HubChannel Channel => Volatile.Read(ref _channel) ?? throw new RpcException(new Status(StatusCode.Unavailable, "Not connected yet."));

    public NodeManagerService.NodeManagerServiceClient Client => Channel.Client;

    public CallOptions Options(CancellationToken cancel) => Channel.Options(cancel);

    public void Use(HubChannel channel)
    {
        if (Interlocked.Exchange(ref _channel, channel) is { } older && older != channel)
            older.Dispose();
    }

    public void Dispose() => Interlocked.Exchange(ref _channel, null)?.Dispose();
}
