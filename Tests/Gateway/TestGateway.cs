using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Database;
using HiveMind.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>The gateway behind a real h2c port, with stubbed grains and stores: alice and bob are users, root is an admin, node-1 is alice's.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    public static readonly byte[] TagKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly WebApplication _app;
    private readonly GrpcChannel _channel;
    private readonly TestFolder _folder = new();
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, FakeLoad> _loads = new();

    public FakeGrains Grains { get; } = FakeGrains.New();
    public Stub<IPoolDatabase> Database { get; } = Stub<IPoolDatabase>.New();
    public Stub<IAccounts> Accounts { get; } = Stub<IAccounts>.New();
    public Stub<IAccountStore> AccountStore { get; } = Stub<IAccountStore>.New();
    public Stub<IAuditLog> Audit { get; } = Stub<IAuditLog>.New().On("Note", _ => Task.CompletedTask);
    public Stub<IAuditTally> Tally { get; } = Stub<IAuditTally>.New().On("Note", _ => Task.CompletedTask);
    public Stub<IFiles> Files { get; } = Stub<IFiles>.New();
    /// <summary>Real, in a folder of their own: positions are what they are about.</summary>
    public IPartialFiles Partials { get; }
    public Stub<IOpenTasks> Open { get; } = Stub<IOpenTasks>.New();
    public Stub<ITaskHistory> History { get; } = Stub<ITaskHistory>.New();
    public Stub<IEndedTasks> Ended { get; } = Stub<IEndedTasks>.New().On("Find", _ => Task.FromResult<TaskSnapshot?>(null));
    public Stub<INodeGrain> Node { get; } = Stub<INodeGrain>.New();
    public WatchSlots Watches => _app.Services.GetRequiredService<WatchSlots>();
    public SessionToken Alice { get; }
    public SessionToken Root { get; }
    public SessionToken NodeToken { get; } = SessionToken.NewNode("node-1");

    public Wire.UserService.UserServiceClient Users => new(_channel);
    public Wire.AdminService.AdminServiceClient Admin => new(_channel);
    public Wire.NodeManagerService.NodeManagerServiceClient Nodes => new(_channel);
    public Wire.MasterNodeService.MasterNodeServiceClient Master => new(_channel);
    public GrpcChannel Channel => _channel;
    public string Address { get; }
    public OpenCalls Calls => _app.Services.GetRequiredService<OpenCalls>();

    private TestGateway(HubOptions options, TimeProvider? time)
    {
        Alice = AddUser("alice", Roles.User);
        Root = AddUser("root", Roles.Admin);
        AddUser("bob", Roles.User);
        Node.On("CheckToken", a => ((byte[])a[0]!).AsSpan().SequenceEqual(NodeToken.SecretHash)
            ? Task.FromResult(new NodeIdentity("node-1", "alice"))
            : Task.FromException<NodeIdentity>(HiveMindException.Unauthenticated()));
        Node.On("GetSnapshot", _ => Task.FromResult<NodeSnapshot?>(null));
        Grains.Add("node-1", Node.Object);
        Grains.AddOthers<IAccountLoadGrain>(id => _loads.GetOrAdd(id, key => new FakeLoad(key, Database.Object, options)));
        Database.On("get_TokenTagKey", _ => TagKey).On("Balance", _ => Task.FromResult(5_000_000_000L)).On("Purse", _ => Purse()).On("OutputBytes", _ => Task.FromResult(0L));
        Accounts.On("OpenAccount", a => Task.FromResult(new Caller((string)a[0]!, (string)a[0]!, Roles.User)));
        Files.On("Write", a => Task.FromResult(new BlobRef(((ReadOnlyMemory<byte>)a[0]!).Length, new string('a', 64), null)));

        async Task<Purse> Purse() => new(await Database.Object.Balance("", CancellationToken.None), true);

        var store = DirectoryFiles.Open(_folder.Path);
        var partials = new DirectoryPartialFiles(store);
        Partials = partials;

        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(System.Net.IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2));
        builder.Services.AddSingleton(Grains.Object).AddSingleton(Database.Object).AddSingleton(Accounts.Object).AddSingleton(Files.Object);
        builder.Services.AddSingleton(AccountStore.Object).AddSingleton(Audit.Object).AddSingleton(Tally.Object);
        builder.Services.AddSingleton<IPartialFiles>(partials).AddSingleton<IUploads>(new DirectoryUploads(store, partials, TimeProvider.System));
        builder.Services.AddSingleton(Stub<INodeIndex>.New().Object).AddSingleton(Stub<IUnfinishedIndex>.New().Object);
        builder.Services.AddSingleton(Stub<ISettlements>.New().On("get_Open", _ => 0).Object);
        builder.Services.AddSingleton(Ended.Object);
        if (time is not null) builder.Services.AddSingleton(time);
        builder.Services.AddSingleton(Open.Object).AddSingleton(History.Object);
        builder.Services.AddGrpcGateway(options);
        _app = builder.Build();
        _app.MapGrpcGateway();
        _app.Start();
        Address = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();
        _channel = GrpcChannel.ForAddress(Address, new GrpcChannelOptions { MaxSendMessageSize = null, MaxReceiveMessageSize = null });
    }

    public static TestGateway Start(Action<HubOptions>? configure = null, TimeProvider? time = null)
    {
        var options = new HubOptions();
        configure?.Invoke(options);
        return new TestGateway(options, time);
    }

    public static Metadata With(SessionToken token) => new() { { "authorization", $"Bearer {token.Format(TagKey)}" } };

    public static async Task<RpcException> Fails<T>(AsyncUnaryCall<T> call) => await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);

    public void AddTask(string id, string userId, TaskState state, Stub<ITaskGrain>? stub = null)
    {
        stub ??= Stub<ITaskGrain>.New();
        var snapshot = new TaskSnapshot
        {
            TaskId = id,
            State = state,
            CreatedAt = DateTimeOffset.UnixEpoch,
            Spec = new TaskSpec { UserId = userId, TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 256, 0) },
        };
        Grains.Add(id, stub.On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(snapshot)).Object);
    }

    private SessionToken AddUser(string id, string role)
    {
        var token = SessionToken.NewSession(id);
        var row = new AccountRow
        {
            UserId = id,
            Username = id,
            Email = $"{id}@example.org",
            PasswordHash = "secret-hash",
            Salt = "secret-salt",
            CreatedAt = DateTimeOffset.UnixEpoch,
            Role = role,
        };
        Grains.Add(id, Stub<IUserGrain>.New()
            .On("CheckSession", a => (string)a[0]! == token.SessionId && ((byte[])a[1]!).AsSpan().SequenceEqual(token.SecretHash)
                ? Task.FromResult(new Caller(id, id, role))
                : Task.FromException<Caller>(HiveMindException.Unauthenticated()))
            .On("GetAccount", _ => Task.FromResult<AccountRow?>(row)).Object);
        return token;
    }

    public async ValueTask DisposeAsync()
    {
        _channel.Dispose();
        await _app.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token);
        await _app.DisposeAsync();
        _folder.Dispose();
    }
}
