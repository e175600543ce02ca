using Google.Protobuf;
using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Protos;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Cluster;
using HiveMind.Users;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using static Grpc.Core.StatusCode;

namespace HiveMind.Tests.Gateway;

/// <summary>
/// Every RPC of the descriptors, called with every kind of token, by its name and by its name in another case, plain and packed: the exact code in each
/// cell. The gateway is the real one behind a real port, the grains and stores are real. A new RPC needs one row.
/// </summary>
[Collection(HubCollection.Name)]
public sealed class RpcMatrixTests(HubFixture hub)
{
    public enum By { NoToken, Garbage, Expired, Revoked, Banned, Foreign, OtherNode, Right }

    /// <summary>What a method answers to the right caller, to another account, to another node: for whoever may not call it at all the policy says it.</summary>
    private sealed record Row(Func<Scene, Task<IMessage[]>> Request, StatusCode Right, StatusCode Foreign = PermissionDenied, StatusCode OtherNode = PermissionDenied)
    {
        public Row(Func<Scene, IMessage> request, StatusCode right, StatusCode foreign = PermissionDenied, StatusCode otherNode = PermissionDenied)
            : this(s => System.Threading.Tasks.Task.FromResult<IMessage[]>([request(s)]), right, foreign, otherNode)
        {
        }

        /// <summary>The right caller is an admin, and Foreign any other account.</summary>
        public bool IsAdmins { get; init; }
        /// <summary>The call ends the session that makes it.</summary>
        public bool EndsSession { get; init; }
        /// <summary>The call takes the node over from the stream it had, and what ran there with it.</summary>
        public bool IsConnection { get; init; }
    }

    private static readonly Dictionary<string, Row> Rows = new()
    {
        ["RegisterUser"] = new(_ => new RegisterUserRequest(), InvalidArgument),
        ["LoginUser"] = new(s => new LoginUserRequest { Username = s.Visitor.Username, Password = Scene.Password }, OK),
        ["LogoutUser"] = new(_ => new LogoutUserRequest(), OK, OK) { EndsSession = true },
        ["GetUserInfo"] = new(s => new GetUserInfoRequest { UserId = s.Owner.UserId }, OK),
        ["UpdateUserProfile"] = new(s => new UpdateUserProfileRequest { UserId = s.Owner.UserId, DisplayName = "Owner" }, OK),
        ["RenewSession"] = new(_ => new RenewSessionRequest(), OK, OK),

        ["ListSessions"] = new(s => new ListSessionsRequest { UserId = s.Owner.UserId }, OK),
        ["RevokeSessions"] = new(s => new RevokeSessionsRequest { UserId = s.Owner.UserId, SessionIds = { "no-such" } }, OK),

        ["ListUsers"] = new(_ => new ListUsersRequest(), OK) { IsAdmins = true },
        ["GetUser"] = new(s => new GetUserRequest { User = s.Visitor.UserId }, OK) { IsAdmins = true },
        ["SetUserRole"] = new(s => new SetUserRoleRequest { User = s.Visitor.UserId, Role = Roles.User }, OK) { IsAdmins = true },
        ["SetUserActive"] = new(s => new SetUserActiveRequest { User = s.Visitor.UserId, Active = true }, OK) { IsAdmins = true },
        ["ResetPassword"] = new(s => new ResetPasswordRequest { User = s.Visitor.UserId }, OK) { IsAdmins = true },
        ["EndSessions"] = new(s => new EndSessionsRequest { User = s.Visitor.UserId }, OK) { IsAdmins = true },
        ["AdjustCredits"] = new(s => new AdjustCreditsRequest { User = s.Visitor.UserId, Credits = 1, Reason = "matrix", RequestId = "matrix" }, OK) { IsAdmins = true },
        ["MakeRegistrationCode"] = new(_ => new MakeRegistrationCodeRequest(), OK) { IsAdmins = true },
        ["ListRegistrationCodes"] = new(_ => new ListRegistrationCodesRequest(), OK) { IsAdmins = true },
        ["RevokeRegistrationCode"] = new(_ => new RevokeRegistrationCodeRequest { CodeId = "no-such" }, NotFound) { IsAdmins = true },
        ["ListAudit"] = new(_ => new ListAuditRequest(), OK) { IsAdmins = true },

        ["RegisterNode"] = new(s => new RegisterNodeRequest { NodeId = s.Spare, Capabilities = Machine }, OK),
        ["UnregisterNode"] = new(async s => [new UnregisterNodeRequest { NodeId = await s.NewNode() }], OK, NotFound),
        ["RevokeNodeToken"] = new(async s => [new RevokeNodeTokenRequest { NodeId = await s.NewNode() }], OK, NotFound),
        ["UpdateNodeStatus"] = new(s => new UpdateNodeStatusRequest { NodeId = s.Idle.Id }, OK, NotFound),
        ["GetNodeInfo"] = new(s => new GetNodeInfoRequest { NodeId = s.Idle.Id }, OK, OK),
        ["ListNodes"] = new(_ => new ListNodesRequest(), OK, OK),
        ["CordonNode"] = new(s => new CordonNodeRequest { NodeId = s.Spare }, OK, NotFound),
        ["DrainNode"] = new(s => new DrainNodeRequest { NodeId = s.Spare }, OK, NotFound),
        ["UncordonNode"] = new(s => new UncordonNodeRequest { NodeId = s.Spare }, OK, NotFound),
        ["Work"] = new(_ => new WorkerMessage { Hello = new WorkerHello { Capabilities = Machine } }, OK, otherNode: OK) { IsConnection = true },
        ["ReportTask"] = new(s => new ReportTaskRequest
        {
            NodeId = s.Busy.Id, Report = new TaskReport { TaskId = s.Running, Attempt = 1, Kind = TaskReportKind.Started },
        }, OK),
        ["FetchPayload"] = new(s => new FetchPayloadRequest { TaskId = s.Running, Attempt = 1 }, OK, otherNode: Aborted),
        ["SendOutput"] = new(s => new OutputChunk { Header = new OutputHeader { TaskId = s.Running, Attempt = 1, Stream = "stdout" } }, OK, otherNode: Aborted),
        ["AppendOutput"] = new(s => new AppendOutputRequest { TaskId = s.Running, Attempt = 1, Stream = "stderr" }, OK, otherNode: Aborted),

        ["SubmitTask"] = new(s => s.NewTask(s.Owner.UserId), OK),
        ["SubmitTasks"] = new(s => new SubmitTasksRequest { Tasks = { s.NewTask("") } }, OK, OK),
        ["ExplainTask"] = new(s => new ExplainTaskRequest { TaskId = s.Waiting }, OK, NotFound),
        ["GetTaskStatus"] = new(s => new GetTaskStatusRequest { TaskId = s.Waiting }, OK, NotFound),
        ["CancelTask"] = new(async s => [new CancelTaskRequest { TaskId = await s.Submitted() }], OK, NotFound),
        ["CancelTasks"] = new(s => new CancelTasksRequest { UserId = s.Owner.UserId, TaskType = "no-such-type" }, OK),
        ["GetTaskResult"] = new(s => new GetTaskResultRequest { TaskId = s.Ended }, OK, NotFound),
        ["WatchTask"] = new(s => new WatchTaskRequest { TaskId = s.Ended }, OK, NotFound),
        ["UploadPayload"] = new(s => System.Threading.Tasks.Task.FromResult(s.NewUpload()), OK, OK),
        ["GetUploadPosition"] = new(s => new GetUploadPositionRequest { Size = 2, Sha256 = s.Payload.Sha256 }, OK, OK),
        ["DownloadResult"] = new(s => new DownloadResultRequest { TaskId = s.Ended }, OK, NotFound),
        ["ListTasks"] = new(s => new ListTasksRequest { UserId = s.Owner.UserId }, OK),
        ["GetAnalytics"] = new(_ => new GetAnalyticsRequest(), OK, OK),
        ["GetSystemStats"] = new(_ => new GetSystemStatsRequest(), OK, OK),
    };

    private static Protos.NodeCapabilities Machine => new() { CpuCores = 1, MemoryMb = 64, SupportedTasks = { "matrix-other" } };

    [Fact]
    public void Rows_AreThoseOfTheDescriptors() => Assert.Equal(Methods().Select(m => m.Name).Order(), Rows.Keys.Order());

    [Fact]
    public async Task EveryCell_AnswersItsCode()
    {
        await using var scene = await Scene.Build(hub);
        var wrong = new List<string>();
        foreach (var method in Methods())
        {
            if (!Rows.TryGetValue(method.Name, out var row)) continue; // the other test says so
            var path = $"/{method.Service.FullName}/{method.Name}";
            foreach (var by in Enum.GetValues<By>())
            {
                var expected = Expected(RpcPolicies.Find(path)!.Who, row, by);
                foreach (var (name, isPacked) in new[] { (path, false), (path, true), (path.ToLowerInvariant(), false), (path.ToLowerInvariant(), true) })
                {
                    var answer = await scene.Call(name, row.Request, await scene.Token(RpcPolicies.Find(path)!.Who, by, row), isPacked);
                    if (answer.Code != expected) wrong.Add($"{name} {by}{(isPacked ? " gzip" : "")}: {answer.Code} {answer.Reason}, not {expected}");
                }
            }
        }

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static IEnumerable<Google.Protobuf.Reflection.MethodDescriptor> Methods() => NodepoolReflection.Descriptor.Services.SelectMany(service => service.Methods);

    private static StatusCode Expected(RpcPolicy who, Row row, By by) => by switch
    {
        By.Right => row.Right,
        _ when who == RpcPolicy.Anonymous => row.Right,
        By.Foreign => who == RpcPolicy.Node ? PermissionDenied : row.Foreign,
        By.OtherNode => who is RpcPolicy.User or RpcPolicy.Admin ? PermissionDenied : row.OtherNode,
        _ => Unauthenticated,
    };

    /// <summary>Accounts, machines and tasks for all cells, and the gateway before them.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        public const string Password = "correct horse battery";
        private const string TaskType = "matrix";

        private readonly HubFixture _hub;
        private readonly WebApplication _gateway;
        private readonly HttpClient _http = RawCall.NewClient();
        private readonly RawCall _raw;
        private readonly Dictionary<By, string?> _sessions = [];
        private string _admin = "";

        private Scene(HubFixture hub)
        {
            _hub = hub;
            _gateway = Serve(hub);
            _raw = new(_http, _gateway.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        }

        public AccountRow Owner { get; private set; } = null!;
        public AccountRow Foreign { get; private set; } = null!;
        public AccountRow Visitor { get; private set; } = null!;
        /// <summary>A machine without tasks, one that runs one, and one nobody connects.</summary>
        public Machine Idle { get; private set; } = null!;
        public Machine Busy { get; private set; } = null!;
        public Machine Stranger { get; private set; } = null!;
        public string Spare { get; private set; } = "";
        public string Waiting { get; private set; } = "";
        public string Running { get; private set; } = "";
        public string Ended { get; private set; } = "";
        public BlobRef Payload { get; } = HubFixture.Blob("42");

        public static async Task<Scene> Build(HubFixture hub)
        {
            var scene = new Scene(hub);
            var late = await hub.NewUser(Password);
            scene._sessions[By.Expired] = await scene.Login(late);
            hub.Clock.Advance(hub.Options.Auth.SessionTimeout + TimeSpan.FromSeconds(1));

            (scene.Owner, scene.Foreign, scene.Visitor) = (await hub.NewUser(Password), await hub.NewUser(Password), await hub.NewUser(Password));
            scene._sessions[By.NoToken] = null;
            scene._sessions[By.Garbage] = $"{SessionToken.SessionPrefix}_alice~x~AAAA~AAAAAAAAAAA";
            scene._sessions[By.Right] = await scene.Login(scene.Owner);
            scene._sessions[By.Foreign] = await scene.Login(scene.Foreign);
            var gone = await scene.Login(late);
            await hub.Grains.GetGrain<IUserGrain>(late.UserId).Logout(SessionToken.TryParse(gone, hub.Database.TokenTagKey)!.SessionId, Actor.Hub);
            scene._sessions[By.Revoked] = gone;
            var banned = await hub.NewUser(Password);
            scene._sessions[By.Banned] = await scene.Login(banned);
            await hub.Grains.GetGrain<IUserGrain>(banned.UserId).Change(new AccountChange { IsActive = false }, null, Actor.Hub);
            var admin = await hub.NewUser(Password);
            await hub.Grains.GetGrain<IUserGrain>(admin.UserId).Change(new AccountChange { Role = Roles.Admin }, null, Actor.Hub);
            scene._admin = await scene.Login(admin);

            scene.Busy = await hub.Connected(TaskType, owner: scene.Owner.UserId);
            scene.Idle = await hub.Connected("matrix-other", owner: scene.Owner.UserId);
            scene.Stranger = await hub.Connected("matrix-other", owner: scene.Foreign.UserId);
            scene.Spare = await scene.NewNode();
            scene.Running = await hub.Submit(HubFixture.Spec(TaskType, scene.Owner.UserId));
            await scene.Busy.Starts(scene.Running);
            scene.Waiting = await hub.Submit(HubFixture.Spec("matrix-never", scene.Owner.UserId));
            scene.Ended = await scene.Submitted();
            await hub.Task(scene.Ended).Cancel();
            return scene;
        }

        /// <summary>In words of HTTP, for a method of that policy.</summary>
        public async Task<string?> Token(RpcPolicy who, By by, Row row)
        {
            var token = by switch
            {
                By.OtherNode => Stranger.Token,
                By.Right when who == RpcPolicy.Node => row.IsConnection ? Idle.Token : Busy.Token,
                By.Right when row.IsAdmins => _admin,
                By.Right or By.Foreign when row.EndsSession => await Login(by == By.Right ? Owner : Foreign),
                _ => _sessions[by],
            };
            return token is null ? null : $"Bearer {token}";
        }

        public async Task<RawCall.Answer> Call(string path, Func<Scene, Task<IMessage[]>> request, string? token, bool isPacked)
        {
            var frames = (await request(this)).SelectMany(message => RawCall.Frame(isPacked ? RawCall.Gzip(message.ToByteArray()) : message.ToByteArray(), isPacked));
            return await _raw.Send(path, [.. frames], token, isPacked ? "gzip" : null).WaitAsync(TimeSpan.FromSeconds(20));
        }

        public SubmitTaskRequest NewTask(string userId) => new() { UserId = userId, TaskType = "matrix-never", TaskData = ByteString.CopyFromUtf8("1") };

        public IMessage[] NewUpload()
        {
            var bytes = Guid.NewGuid().ToByteArray();
            var header = new UploadHeader { Size = bytes.Length, Sha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes)) };
            return [new UploadPayloadRequest { Header = header }, new UploadPayloadRequest { Data = ByteString.CopyFrom(bytes) }];
        }

        public Task<string> Submitted() => _hub.Submit(HubFixture.Spec("matrix-never", Owner.UserId));

        public async Task<string> NewNode()
        {
            var machine = new Machine(_hub, _hub.NewName("node"), Owner.UserId, Cluster.Machine.Usual with { SupportedTasks = ["matrix-other"] });
            await machine.Register();
            return machine.Id;
        }

        public async ValueTask DisposeAsync()
        {
            _http.Dispose();
            await _gateway.StopAsync(new CancellationTokenSource(TimeSpan.FromSeconds(5)).Token);
            await _gateway.DisposeAsync();
        }

        private async Task<string> Login(AccountRow account) => (await _hub.LogIn(account, Password)).SessionToken;

        private static WebApplication Serve(HubFixture hub)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(System.Net.IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
            void Same<T>() where T : class => builder.Services.AddSingleton(hub.Services.GetRequiredService<T>());
            Same<IGrainFactory>();
            Same<IPoolDatabase>();
            Same<IAccounts>();
            Same<IFiles>();
            Same<IPartialFiles>();
            Same<IUploads>();
            Same<INodeIndex>();
            Same<IUnfinishedIndex>();
            Same<IOpenTasks>();
            Same<ITaskHistory>();
            Same<ISettlements>();
            Same<IAccountStore>();
            Same<IAuditLog>();
            Same<IAuditTally>();
            Same<IEndedTasks>();
            var options = new HubOptions { Tasks = { Types = [TaskType, "matrix-never"] }, RateLimit = { RequestsPerSecond = 100_000, Burst = 100_000 } };
            builder.Services.AddGrpcGateway(options);
            var app = builder.Build();
            app.MapGrpcGateway();
            app.Start();
            return app;
        }
    }
}
