using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Workers.Connection;

/// <summary>The way to the hub: one channel, the node's token with every call.</summary>
public sealed class HubChannel : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Metadata _headers;

    public HubChannel(Uri hub, string nodeToken)
    {
        // Pings find a connection that died without a word (a sleeping router, a pulled cable) long before TCP does.
        var handler = new SocketsHttpHandler
        {
            KeepAlivePingDelay = TimeSpan.FromSeconds(10),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            EnableMultipleHttp2Connections = true,
        };
        HubTrust.Apply(handler, hub);
        _channel = GrpcChannel.ForAddress(HubTrust.Bare(hub), new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            // This class decides itself how long to wait between attempts.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(500),
        });
        _headers = new Metadata { { "authorization", $"Bearer {nodeToken}" } };
        Client = new NodeManagerService.NodeManagerServiceClient(_channel);
    }

    public NodeManagerService.NodeManagerServiceClient Client { get; }

    public CallOptions Options(CancellationToken cancel) => new(_headers, cancellationToken: cancel);

    public void Dispose() => _channel.Dispose();
}
