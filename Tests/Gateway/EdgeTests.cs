using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class EdgeTests
{
    private static readonly string Id = TaskIds.New("bob", "1");
    private static readonly Wire.GetUserInfoRequest Myself = new();

    private static Wire.SubmitTaskRequest Task(string userId = "") =>
        new() { UserId = userId, TaskType = "python", TaskData = ByteString.CopyFromUtf8("print(1)"), RequestId = "1" };

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Basic YTpi")]
    [InlineData("Bearer ")]
    [InlineData("Bearer hms_alice~x~AAAA~AAAAAAAAAAA")]
    [InlineData("Bearer ' OR 1=1 --")]
    public async Task Call_LockedWithoutAGoodToken_Unauthenticated(string? header)
    {
        await using var gateway = TestGateway.Start();
        var headers = header is null ? [] : new Metadata { { "authorization", header } };
        var error = await TestGateway.Fails(gateway.Users.GetUserInfoAsync(Myself, headers));
        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
        Assert.Equal("UNAUTHENTICATED", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task Call_RevokedSession_Unauthenticated()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(SessionToken.NewSession("alice"))));
        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
    }

    [Fact]
    public async Task GetUserInfo_Session_ShowsTheCallerWithoutSecrets()
    {
        await using var gateway = TestGateway.Start();
        var answer = await gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(gateway.Alice));
        Assert.Equal(("alice", 5000.0, 0.0, 5000.0), (answer.User.Username, answer.User.BalanceCredits, answer.User.HeldCredits, answer.User.FreeCredits));
        Assert.DoesNotContain("secret", answer.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Call_AnothersUserId_DeniedUnlessAdmin()
    {
        await using var gateway = TestGateway.Start();
        var request = new Wire.GetUserInfoRequest { UserId = "bob" };
        var error = await TestGateway.Fails(gateway.Users.GetUserInfoAsync(request, TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        Assert.Equal("USER_MISMATCH", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.Equal("bob", (await gateway.Users.GetUserInfoAsync(request, TestGateway.With(gateway.Root))).User.UserId);
    }

    [Fact]
    public async Task Call_TokensOfTheWrongKind_Denied()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(gateway.NodeToken)));
        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
        error = await TestGateway.Fails(gateway.Nodes.ReportTaskAsync(new Wire.ReportTaskRequest(), TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
    }

    [Fact]
    public async Task Streams_WithoutANodeToken_Unauthenticated()
    {
        await using var gateway = TestGateway.Start(o => o.Auth.Mode = AuthMode.Open);
        using var work = gateway.Nodes.Work();
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => work.ResponseStream.MoveNext(default))).StatusCode);
        using var fetch = gateway.Nodes.FetchPayload(new Wire.FetchPayloadRequest { TaskId = Id, Attempt = 1 });
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => fetch.ResponseStream.MoveNext(default))).StatusCode);
    }

    [Fact]
    public async Task OpenMode_WithoutAToken_ActsAsTheNamedAccount()
    {
        await using var gateway = TestGateway.Start(o => o.Auth.Mode = AuthMode.Open);
        TaskSpec? born = null;
        gateway.AddTask(TaskIds.New("user_123", "1"), "user_123", TaskState.Pending, Stub<ITaskGrain>.New().On("Submit", a =>
        {
            born = (TaskSpec)a[0]!;
            return System.Threading.Tasks.Task.FromResult<TaskSnapshot>(null!);
        }));
        await gateway.Master.SubmitTaskAsync(Task("user_123"));
        Assert.Equal("user_123", born!.UserId);
        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Task("../root")));
        Assert.Equal("user_id", error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
        error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Task("user_123"), TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.PermissionDenied, error.StatusCode);
    }

    [Fact]
    public async Task RegisterNode_OpenModeWithoutUserId_BelongsToLocal()
    {
        await using var gateway = TestGateway.Start(o => o.Auth.Mode = AuthMode.Open);
        NodeRegistration? registered = null;
        gateway.Node.On("Register", a =>
        {
            registered = (NodeRegistration)a[0]!;
            return System.Threading.Tasks.Task.FromResult(new NodeRegistered("node-1", "token"));
        });
        var answer = await gateway.Nodes.RegisterNodeAsync(
            new Wire.RegisterNodeRequest { NodeId = "node-1", Capabilities = new() { CpuCores = 8, MemoryMb = 16384, HasGpu = true } });
        Assert.Equal(("node-1", "local", 1), (answer.AssignedId, registered!.Caller.UserId, registered.Capabilities.GpuCount));
    }

    [Fact]
    public async Task Status_AnothersUnknownOrMalformedTask_NotFoundAlike()
    {
        await using var gateway = TestGateway.Start();
        var missing = TaskIds.New("nobody", "1");
        gateway.AddTask(Id, "bob", TaskState.Completed);
        gateway.Grains.Add(missing, Stub<ITaskGrain>.New().On("GetSnapshot", _ => System.Threading.Tasks.Task.FromResult<TaskSnapshot?>(null)).Object);
        foreach (var id in new[] { Id, missing, "../../etc/passwd", "" })
        {
            var error = await TestGateway.Fails(gateway.Master.GetTaskStatusAsync(new() { TaskId = id }, TestGateway.With(gateway.Alice)));
            Assert.Equal((StatusCode.NotFound, $"No task '{id}'."), (error.StatusCode, error.Status.Detail));
        }
        Assert.Equal("completed", (await gateway.Master.GetTaskStatusAsync(new() { TaskId = Id }, TestGateway.With(gateway.Root))).Status);
    }

    [Fact]
    public async Task Submit_WithoutCredit_RefusedUnlessItIsARepetition()
    {
        await using var gateway = TestGateway.Start();
        gateway.Database.On("Balance", _ => System.Threading.Tasks.Task.FromResult(0L));
        var id = TaskIds.New("alice", "1");
        var born = false;
        var grain = Stub<ITaskGrain>.New()
            .On("GetSnapshot", _ => System.Threading.Tasks.Task.FromResult<TaskSnapshot?>(null))
            .On("Submit", _ => { born = true; return System.Threading.Tasks.Task.FromResult<TaskSnapshot>(null!); });
        gateway.Grains.Add(id, grain.Object);
        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Task(), TestGateway.With(gateway.Alice)));
        Assert.Equal((StatusCode.FailedPrecondition, "INSUFFICIENT_CREDITS", false), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason, born));
        gateway.AddTask(id, "alice", TaskState.Completed, grain);
        Assert.Equal(id, (await gateway.Master.SubmitTaskAsync(Task(), TestGateway.With(gateway.Alice))).TaskId);
    }

    [Fact]
    public async Task RateLimit_BurstSpent_ResourceExhaustedWithRetryInfo()
    {
        await using var gateway = TestGateway.Start(o => o.RateLimit = new RateLimitOptions { RequestsPerSecond = 1, Burst = 3 });
        for (var i = 0; i < 3; i++) await gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(gateway.Alice));
        var error = await TestGateway.Fails(gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Equal(1, error.GetRpcStatus()!.GetDetail<RetryInfo>()!.RetryDelay.Seconds);
        await gateway.Users.GetUserInfoAsync(Myself, TestGateway.With(gateway.Root)); // somebody else's bucket is full
    }

    public static TheoryData<Exception, StatusCode> Errors => new()
    {
        { HiveMindException.Taken("email", "Taken."), StatusCode.AlreadyExists },
        { HiveMindException.Aborted("STALE_ATTEMPT", "Stale."), StatusCode.Aborted },
        { HiveMindException.Unavailable("X", "Away."), StatusCode.Unavailable },
        { new TimeoutException("secret"), StatusCode.Unavailable },
        { new Orleans.Storage.InconsistentStateException("secret"), StatusCode.Unavailable },
        { new StackExchange.Redis.RedisTimeoutException("secret", StackExchange.Redis.CommandStatus.Unknown), StatusCode.Unavailable },
        { new InvalidOperationException("outer", new Microsoft.Data.Sqlite.SqliteException("secret", 5)), StatusCode.Unavailable },
        { new OperationCanceledException("secret"), StatusCode.Unavailable },
        { new InvalidOperationException("secret"), StatusCode.Internal },
    };

    [Theory, MemberData(nameof(Errors), DisableDiscoveryEnumeration = true)]
    public async Task Error_OfAGrain_BecomesItsCodeWithoutInternals(Exception thrown, StatusCode code)
    {
        await using var gateway = TestGateway.Start();
        gateway.Accounts.On("Register", _ => System.Threading.Tasks.Task.FromException<AccountRow>(thrown));
        var error = await TestGateway.Fails(gateway.Users.RegisterUserAsync(
            new() { Username = "alice", Password = "secure_password", Email = "a@example.org" }));
        Assert.Equal(code, error.StatusCode);
        Assert.DoesNotContain("secret", error.ToString(), StringComparison.Ordinal);
        var details = error.GetRpcStatus()!;
        Assert.Equal("hivemind", details.GetDetail<ErrorInfo>()!.Domain);
        if (thrown is HiveMindException { Field: { } field }) Assert.Equal(field, details.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
        if (code == StatusCode.Unavailable) Assert.NotNull(details.GetDetail<RetryInfo>());
    }

    [Fact]
    public async Task Register_SeveralBadFields_AllInTheTrailer()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(gateway.Users.RegisterUserAsync(new() { Username = "x", Password = "y", Email = "z" }));
        Assert.Equal(["username", "password", "email"], error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(v => v.Field));
    }

    [Fact]
    public async Task Submit_AboveTheMessageLimit_ResourceExhausted()
    {
        await using var gateway = TestGateway.Start();
        var request = Task();
        request.TaskData = UnsafeByteOperations.UnsafeWrap(new byte[Limits.MessageBytes + 1]);
        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(request, TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public void Receipt_OfOtherBytesAttemptOrNode_IsRefused()
    {
        var receipts = new OutputReceipts(Stub<IPoolDatabase>.New().On("get_TokenTagKey", _ => TestGateway.TagKey).Object);
        var blob = new BlobRef(5000, new string('a', 64), null);
        var receipt = receipts.Issue("n", "t", 1, blob);
        Assert.Equal(blob, receipts.Redeem("n", "t", 1, blob.Sha256, 5000, receipt));
        Assert.Null(receipts.Redeem("m", "t", 1, blob.Sha256, 5000, receipt));
        Assert.Null(receipts.Redeem("n", "t", 2, blob.Sha256, 5000, receipt));
        Assert.Null(receipts.Redeem("n", "t", 1, new string('b', 64), 5000, receipt));
        Assert.Null(receipts.Redeem("n", "t", 1, blob.Sha256, 5000, []));
    }

    [Fact]
    public async Task Call_BodyThatIsNoMessage_InvalidArgument()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(Raw(gateway, "/nodepool.UserService/GetUserInfo", [0xff, 0xff, 0xff], TestGateway.With(gateway.Alice)));
        Assert.Equal((StatusCode.InvalidArgument, "MALFORMED_MESSAGE"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
    }

    [Fact]
    public async Task Call_LargeBodyWithoutAToken_RefusedUnread()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(Raw(gateway, "/nodepool.MasterNodeService/SubmitTask", new byte[50 << 20], []));
        Assert.Equal((StatusCode.Unauthenticated, "UNAUTHENTICATED"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
    }

    [Fact]
    public async Task Login_LargeBody_ResourceExhausted()
    {
        await using var gateway = TestGateway.Start();
        var error = await TestGateway.Fails(Raw(gateway, "/nodepool.UserService/LoginUser", new byte[1 << 20], []));
        Assert.Equal((StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
    }

    /// <summary>Bytes as they are, where a client of the contract would send a message.</summary>
    private static AsyncUnaryCall<byte[]> Raw(TestGateway gateway, string method, byte[] body, Metadata headers)
    {
        var bytes = Marshallers.Create(sent => sent, read => read);
        var names = method.Split('/');
        var call = new Method<byte[], byte[]>(MethodType.Unary, names[1], names[2], bytes, bytes);
        return gateway.Channel.CreateCallInvoker().AsyncUnaryCall(call, null, new CallOptions(headers), body);
    }
}
