using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Workers.Connection;

/// <summary>One way to a hub: a connection of its own, the node's token with every call.</summary>
public sealed class HubChannel : IDisposable
{
    /// <summary>The standard health service, whose answer says that this way works at both ends; what it answers does not matter here.</summary>
    private static readonly Method<byte[], byte[]> Health = new(
        MethodType.Unary, "grpc.health.v1.Health", "Check", Marshallers.Create(bytes => bytes, bytes => bytes), Marshallers.Create(bytes => bytes, bytes => bytes));

    private readonly GrpcChannel _channel;
    private readonly Metadata _headers;

    public HubChannel(Uri hub, string nodeToken, string? proxy = null)
    {
        Address = hub;
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
        HubProxy.Apply(handler, proxy);
        _channel = GrpcChannel.ForAddress(HubTrust.Bare(hub), new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            // The worker decides itself how long to wait between attempts.
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(500),
        });
        _headers = new Metadata { { "authorization", $"Bearer {nodeToken}" } };
        Client = new NodeManagerService.NodeManagerServiceClient(_channel);
    }

    public Uri Address { get; }
    public NodeManagerService.NodeManagerServiceClient Client { get; }

    public CallOptions Options(CancellationToken cancel) => new(_headers, cancellationToken: cancel);

    /// <summary>Null: somebody answered. Otherwise why nobody did.</summary>
    public async Task<RpcException?> Probe(TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            using var call = _channel.CreateCallInvoker().AsyncUnaryCall(Health, null, new CallOptions(cancellationToken: limit.Token), []);
            await call.ResponseAsync;
            return null;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.Cancelled or StatusCode.DeadlineExceeded)
        {
            return limit.IsCancellationRequested && !cancel.IsCancellationRequested ? new RpcException(new Status(StatusCode.Unavailable, "it does not answer")) : e;
        }
        catch (RpcException)
        {
            return null; // a refusal is an answer
        }
    }

    public void Dispose() => _channel.Dispose();
}
