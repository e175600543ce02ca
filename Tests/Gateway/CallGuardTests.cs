using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Protos;
using HiveMind.Tests.Processes;
using HiveMind.Users;

namespace HiveMind.Tests.Gateway;

/// <summary>What is refused before it is read, however the call is written; and what is counted as it is unpacked.</summary>
public sealed class CallGuardTests : IAsyncDisposable
{
    private const string Submit = "/nodepool.MasterNodeService/SubmitTask", Login = "/nodepool.UserService/LoginUser";
    /// <summary>What a client has on its way when it hears that nobody reads: the windows of HTTP/2, not the body.</summary>
    private const long OnTheWay = 18 << 20;
    private readonly TestGateway _gateway = TestGateway.Start();
    private readonly HttpClient _http = RawCall.NewClient();
    private readonly RawCall _raw;

    public CallGuardTests() => _raw = new(_http, _gateway.Address);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _gateway.DisposeAsync();
    }

    [Theory]
    [InlineData("/nodepool.MasterNodeService/SubmitTask")]
    [InlineData("/nodepool.masternodeservice/submittask")]
    [InlineData("/NODEPOOL.MASTERNODESERVICE/SUBMITTASK")]
    [InlineData("/nodepool.MasterNodeService/SubmitTask/")]
    [InlineData("/nodepool.MasterNodeService/Submit%54ask")]
    public async Task LargeBody_NoTokenHoweverThePathIsWritten_RefusedUnread(string path)
    {
        var body = Endless();
        Assert.Equal(new(StatusCode.Unauthenticated, "UNAUTHENTICATED"), await _raw.Send(path, body));
        Assert.InRange(body.Taken, 0, OnTheWay);
    }

    [Fact]
    public async Task LargeBody_SessionThatIsOver_RefusedUnread()
    {
        var over = SessionToken.NewSession("alice");
        var body = Endless();
        Assert.Equal(new(StatusCode.Unauthenticated, "UNAUTHENTICATED"), await _raw.Send(Submit, body, Bearer(over)));
        Assert.InRange(body.Taken, 0, OnTheWay);
    }

    [Fact]
    public async Task LargeBody_NodeTokenThatWasRotated_RefusedUnread()
    {
        var body = Endless();
        Assert.Equal(new(StatusCode.Unauthenticated, "UNAUTHENTICATED"),
            await _raw.Send("/nodepool.NodeManagerService/SendOutput", body, Bearer(SessionToken.NewNode("node-1"))));
        Assert.InRange(body.Taken, 0, OnTheWay);
    }

    [Theory]
    [InlineData("/nodepool.userservice/getuserinfo")]
    [InlineData("/nodepool.UserService/GetUserInfo/")]
    public async Task Call_PathWrittenInAnotherWay_IsTheSameMethod(string path) =>
        Assert.Equal(StatusCode.OK, (await _raw.Send(path, RawCall.Frame([]), Bearer(_gateway.Alice))).Code);

    [Fact]
    public async Task Call_MethodThatNobodyKnows_Unimplemented() =>
        Assert.Equal(StatusCode.Unimplemented, (await _raw.Send("/nodepool.UserService/DropTables", RawCall.Frame([]), Bearer(_gateway.Alice))).Code);

    public static TheoryData<string> Methods => [.. NodepoolReflection.Descriptor.Services.SelectMany(s => s.Methods.Select(m => $"/{s.FullName}/{m.Name}"))];

    /// <summary>Zeros pack a thousand to one; what is sent is far below every limit, what comes out is over it.</summary>
    [Theory, MemberData(nameof(Methods))]
    public async Task Bomb_OnAnyMethod_ResourceExhausted(string method)
    {
        var rule = RpcPolicies.Find(method)!;
        var token = rule.Who is RpcPolicy.Anonymous ? null : Bearer(rule.Who == RpcPolicy.Node ? _gateway.NodeToken : rule.Who == RpcPolicy.Admin ? _gateway.Root : _gateway.Alice);
        var plain = new byte[rule.MessageBytes + (1 << 20)];
        Assert.Equal(new(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE"), await _raw.Send(method, RawCall.Frame(RawCall.Gzip(plain), true), token, "gzip"));
        Assert.Equal(new(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE"), await _raw.Send(method, RawCall.Frame(RawCall.Deflate(plain), true), token, "deflate"));
        if (plain.Length <= 10 << 20) // announced, whatever follows
            Assert.Equal(new(StatusCode.ResourceExhausted, "MESSAGE_TOO_LARGE"), await _raw.Send(method, RawCall.Frame(plain), token));
    }

    [Fact]
    public async Task Packed_WithinTheLimit_IsServed()
    {
        var padded = new GetUserInfoRequest { UserId = "alice" }.ToString();
        Assert.NotEmpty(padded);
        Assert.Equal(StatusCode.OK, (await _raw.Send("/nodepool.UserService/GetUserInfo", RawCall.Frame(RawCall.Gzip([]), true), Bearer(_gateway.Alice), "gzip")).Code);
    }

    public static TheoryData<string, byte[], string?, StatusCode> Malformed => new()
    {
        { "nothing at all", [], null, StatusCode.InvalidArgument },
        { "half a header", [0, 0], null, StatusCode.InvalidArgument },
        { "half a message", [0, 0, 0, 0, 9, 1], null, StatusCode.InvalidArgument },
        { "two messages", [.. RawCall.Frame([]), .. RawCall.Frame([])], null, StatusCode.InvalidArgument },
        { "a flag that means nothing", [7, 0, 0, 0, 0], null, StatusCode.InvalidArgument },
        { "packed as nobody said", RawCall.Frame(RawCall.Gzip([]), true), null, StatusCode.InvalidArgument },
        { "packed and said to be plain", RawCall.Frame(RawCall.Gzip([]), true), "identity", StatusCode.InvalidArgument },
        { "packed in a way unknown", RawCall.Frame(RawCall.Gzip([]), true), "br", StatusCode.Unimplemented },
        { "said to be packed and garbage", RawCall.Frame([1, 2, 3], true), "gzip", StatusCode.InvalidArgument },
        { "packed twice", RawCall.Frame(RawCall.Gzip(RawCall.Gzip(new byte[100])), true), "gzip", StatusCode.InvalidArgument },
        { "4 GiB announced", [0, 255, 255, 255, 255], null, StatusCode.ResourceExhausted },
    };

    [Theory, MemberData(nameof(Malformed))]
    public async Task Body_ThatIsNoMessage_IsToldSo(string what, byte[] body, string? encoding, StatusCode code)
    {
        Assert.True((await _raw.Send("/nodepool.UserService/GetUserInfo", body, Bearer(_gateway.Alice), encoding)).Code == code, what);
        Assert.True((await _raw.Send(Login, body, null, encoding)).Code == code, $"{what}, without a token");
    }

    [Fact]
    public async Task Upload_LoggedOutMeanwhile_EndsWithinSeconds()
    {
        var isOver = false;
        var carol = SessionToken.NewSession("carol");
        _gateway.Grains.Add("carol", Stub<IUserGrain>.New().On("CheckSession", _ => Volatile.Read(ref isOver)
            ? Task.FromException<Caller>(HiveMindException.Unauthenticated())
            : Task.FromResult(new Caller("carol", "carol", Roles.User))).Object);
        var header = new UploadPayloadRequest { Header = new() { Size = 50 << 20, Sha256 = new string('a', 64) } };
        var chunk = new UploadPayloadRequest { Data = Google.Protobuf.ByteString.CopyFrom(new byte[1024]) };
        var body = new EndlessBody(RawCall.Frame(Google.Protobuf.MessageExtensions.ToByteArray(header)),
            RawCall.Frame(Google.Protobuf.MessageExtensions.ToByteArray(chunk)), TimeSpan.FromMilliseconds(20));
        var upload = _raw.Send("/nodepool.MasterNodeService/UploadPayload", body, Bearer(carol));
        await Wait.Until(() => body.Taken > 10_000, TimeSpan.FromSeconds(10), () => "the upload did not begin");
        Volatile.Write(ref isOver, true);
        Assert.Equal(new(StatusCode.Unauthenticated, "UNAUTHENTICATED"), await upload.WaitAsync(TimeSpan.FromSeconds(20)));
        await Wait.Until(() => _gateway.Calls.Count == 0, TimeSpan.FromSeconds(10), () => "the call is still open");
    }

    private static EndlessBody Endless() => new([0, 5, 0, 0, 0], new byte[64 * 1024]);

    private static string Bearer(SessionToken token) => $"Bearer {token.Format(TestGateway.TagKey)}";
}
