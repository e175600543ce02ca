using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Health.V1;
using Grpc.Net.Client;
using Grpc.Net.Client.Configuration;
using HiveMind.Protos;
using HiveMind.Workers.Connection;

namespace HiveMind.Cli;

/// <summary>One connection to a hub: the caller's token on every call, a deadline on every call, retries where a second try does no harm.</summary>
internal sealed class HubClient : IDisposable
{
    private static readonly TimeSpan PingAfter = TimeSpan.FromSeconds(4), PingPatience = TimeSpan.FromSeconds(4), ConnectPatience = TimeSpan.FromSeconds(15);

    // Without the methods whose second try would answer otherwise: register, login, logout.
    private static readonly string[] RepeatableUserCalls = ["GetUserInfo", "RenewSession", "ListSessions"];
    private static readonly string[] RepeatableAdminCalls = ["ListUsers", "GetUser", "SetUserRole", "SetUserActive", "AdjustCredits", "ListRegistrationCodes", "ListAudit"];
    private static readonly string[] RepeatableNodeCalls = ["RegisterNode", "UpdateNodeStatus", "GetNodeInfo", "ListNodes", "CordonNode", "DrainNode", "UncordonNode", "RevokeNodeToken"];
    private static readonly string[] RepeatableTaskCalls =
        ["SubmitTask", "GetTaskStatus", "CancelTask", "GetTaskResult", "GetUploadPosition", "GetSystemStats", "ListTasks", "GetAnalytics"];

    private readonly GrpcChannel channel;
    private readonly SessionFile? sessions;
    private readonly TimeProvider time;
    private readonly SemaphoreSlim renewing = new(1, 1);

    private HubClient(Uri hub, string? token, StoredSession? session, SessionFile? sessions, TimeProvider time)
    {
        Address = hub;
        Session = session;
        this.sessions = sessions;
        this.time = time;
        // Pings find a connection that died without a word (a sleeping laptop, a router that forgot it) long before TCP does; nothing is sent between calls.
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            KeepAlivePingDelay = PingAfter, KeepAlivePingTimeout = PingPatience, KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            ConnectTimeout = ConnectPatience,
        };
        HubTrust.Apply(handler, hub);
        HubProxy.Apply(handler, HubProxy.For(hub));
        channel = GrpcChannel.ForAddress(HubTrust.Bare(hub), new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = ProtocolLimits.MessageBytes,
            MaxSendMessageSize = ProtocolLimits.MessageBytes,
            MaxRetryBufferPerCallSize = ProtocolLimits.MessageBytes,
            MaxRetryBufferSize = 2 * ProtocolLimits.MessageBytes,
            ServiceConfig = new ServiceConfig { MethodConfigs = { Repeatable() } },
        });
        var calls = channel.CreateCallInvoker().Intercept(new CallDefaults(() => token ?? Session?.Token, time));
        Users = new UserService.UserServiceClient(calls);
        Admin = new AdminService.AdminServiceClient(calls);
        Nodes = new NodeManagerService.NodeManagerServiceClient(calls);
        Tasks = new MasterNodeService.MasterNodeServiceClient(calls);
        Health = new Health.HealthClient(calls);
    }

    public Uri Address { get; }
    public StoredSession? Session { get; private set; }
    public UserService.UserServiceClient Users { get; }
    public AdminService.AdminServiceClient Admin { get; }
    public NodeManagerService.NodeManagerServiceClient Nodes { get; }
    public MasterNodeService.MasterNodeServiceClient Tasks { get; }
    public Health.HealthClient Health { get; }

    public static HubClient Anonymous(Uri hub) => new(hub, null, null, null, TimeProvider.System);

    public static HubClient WithToken(Uri hub, string token) => new(hub, token, null, null, TimeProvider.System);

    public static HubClient WithSession(Uri hub, SessionFile sessions, TimeProvider time) =>
        new(hub, null, sessions.Read(hub), sessions, time);

    /// <summary>A session that is used stays alive: it is renewed once less than half of it remains.</summary>
    public async Task RenewIfNeeded(CancellationToken stop)
    {
        if (sessions is null || Session is null || !IsOld(Session))
        {
            return;
        }

        await renewing.WaitAsync(stop);
        try
        {
            if (Session.IsOver(time.GetUtcNow()))
            {
                await LogInAgain(sessions, stop);
            }
            else if (Session.NeedsRenewal(time.GetUtcNow()))
            {
                var answer = await Users.RenewSessionAsync(new RenewSessionRequest(), cancellationToken: stop);
                Session = Session with { ObtainedAt = time.GetUtcNow(), ExpiresAt = Times.Parse(answer.ExpiresAt) };
                sessions.Replace(Address, Session);
            }
        }
        catch (RpcException refused) when (refused.StatusCode == StatusCode.Unauthenticated)
        {
            // If this does not help either, the call that follows says so itself, with the way out.
            await LogInAgain(sessions, stop);
        }
        finally
        {
            renewing.Release();
        }
    }

    private bool IsOld(StoredSession session) => session.NeedsRenewal(time.GetUtcNow()) || session.IsOver(time.GetUtcNow());

    /// <summary>One at a time of all programs of this user: many that wake at once need one new session, not one each.</summary>
    private async Task LogInAgain(SessionFile file, CancellationToken stop)
    {
        if (Session is not { AccountDirectory: not null } over)
        {
            return;
        }

        using var turn = file.TakeTurnToLogIn();
        if (file.Read(Address) is { } newer && newer.Token != over.Token)
        {
            Session = newer;
        }
        else if (await LocalAccount.LogInAgain(this, over, stop) is { } again)
        {
            file.Replace(Address, again, over.Token);
            Session = again;
        }
    }

    public void Dispose()
    {
        channel.Dispose();
        renewing.Dispose();
    }

    private static MethodConfig Repeatable()
    {
        var config = new MethodConfig
        {
            RetryPolicy = new RetryPolicy
            {
                MaxAttempts = 4,
                InitialBackoff = TimeSpan.FromMilliseconds(200),
                MaxBackoff = TimeSpan.FromSeconds(2),
                BackoffMultiplier = 2,
                RetryableStatusCodes = { StatusCode.Unavailable },
            },
        };
        AddNames(config, "nodepool.UserService", RepeatableUserCalls);
        AddNames(config, "nodepool.AdminService", RepeatableAdminCalls);
        AddNames(config, "nodepool.NodeManagerService", RepeatableNodeCalls);
        AddNames(config, "nodepool.MasterNodeService", RepeatableTaskCalls);
        return config;
    }

    private static void AddNames(MethodConfig config, string service, string[] methods)
    {
        foreach (var method in methods)
        {
            config.Names.Add(new MethodName { Service = service, Method = method });
        }
    }
}
