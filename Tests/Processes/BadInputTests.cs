using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

public sealed class BadInputPool() : SharedPool("RateLimit:RequestsPerSecond=100000", "RateLimit:Burst=100000")
{
    public Login Ann { get; private set; } = null!;
    public Login Bob { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        (Ann, Bob) = (await Pool.NewUser("ann"), await Pool.NewUser("bob"));
    }
}

/// <summary>Each bad input through a real silo: its code, its field.</summary>
public sealed class BadInputTests(BadInputPool shared) : IClassFixture<BadInputPool>
{
    private static readonly string[] Hostile =
    [
        "'; DROP TABLE users; --", "\" OR \"1\"=\"1", "../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "a\0b", "%s%n{0}$(id)`id`", "line\r\nline", "*?[a]{tag}:1",
        "\u202e\u0000\ud83d\ude00", new string('x', 5000),
    ];
    private int _names;

    [Theory]
    [InlineData("newcomer", "short", "new@example.org", StatusCode.InvalidArgument, "password")]
    [InlineData("ANN", "correct horse battery", "new@example.org", StatusCode.AlreadyExists, "username")]
    [InlineData("newcomer", "correct horse battery", "ANN@Example.ORG", StatusCode.AlreadyExists, "email")]
    [InlineData("newcomer", "correct horse battery", "not-an-address", StatusCode.InvalidArgument, "email")]
    [InlineData("no spaces", "correct horse battery", "new@example.org", StatusCode.InvalidArgument, "username")]
    public async Task RegisterUser_Bad_NamesTheField(string name, string password, string email, StatusCode code, string field)
    {
        var refusal = await Refusal.Of(shared.Pool.Users.RegisterUserAsync(new() { Username = name, Password = password, Email = email }));

        Assert.Equal((code, field), (refusal.Code, refusal.Fields));
    }

    [Theory]
    [InlineData("python", "print(1)", -1, "requirements.cpu_cores")]
    [InlineData("python", "print(1)", double.NaN, "requirements.cpu_cores")]
    [InlineData("cobol", "print(1)", 1, "task_type")]
    [InlineData("noop", "1", 1, "task_type")]
    [InlineData("python", "", 1, "task_data")]
    public async Task SubmitTask_Bad_NamesTheField(string type, string program, double cores, string field)
    {
        var refusal = await Refusal.Of(shared.Pool.Master.SubmitTaskAsync(
            new() { TaskType = type, TaskData = ByteString.CopyFromUtf8(program), Requirements = new() { CpuCores = cores } }, shared.Ann.Metadata));

        Assert.Equal((StatusCode.InvalidArgument, field), (refusal.Code, refusal.Fields));
    }

    [Fact]
    public async Task SubmitTask_PayloadAboveTheLimit_NamesTheField()
    {
        var payload = UnsafeByteOperations.UnsafeWrap(new byte[(100 * 1024 * 1024) + 1]);

        var refusal = await Refusal.Of(shared.Pool.Master.SubmitTaskAsync(new() { TaskType = "python", TaskData = payload }, shared.Ann.Metadata));

        Assert.Equal((StatusCode.InvalidArgument, "task_data"), (refusal.Code, refusal.Fields));
    }

    [Fact]
    public async Task RegisterNode_NegativeCores_NamesTheField()
    {
        var refusal = await Refusal.Of(shared.Pool.Nodes.RegisterNodeAsync(
            new() { NodeId = "n", Capabilities = new() { CpuCores = -4, MemoryMb = 1 } }, shared.Ann.Metadata));

        Assert.Equal((StatusCode.InvalidArgument, "capabilities.cpu_cores"), (refusal.Code, refusal.Fields));
    }

    [Fact]
    public async Task Tasks_UnknownOrOfAnother_LookTheSame()
    {
        var task = await shared.Pool.Master.SubmitTaskAsync(new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("print(1)") }, shared.Ann.Metadata);
        var unknown = new string('0', 32);
        foreach (var id in new[] { task.TaskId, unknown, "no id at all" })
        {
            Refusal[] refusals =
            [
                await Refusal.Of(shared.Pool.Master.GetTaskStatusAsync(new() { TaskId = id }, shared.Bob.Metadata)),
                await Refusal.Of(shared.Pool.Master.GetTaskResultAsync(new() { TaskId = id }, shared.Bob.Metadata)),
                await Refusal.Of(shared.Pool.Master.CancelTaskAsync(new() { TaskId = id }, shared.Bob.Metadata)),
            ];
            Assert.All(refusals, refusal => Assert.Equal((StatusCode.NotFound, "NOT_FOUND"), (refusal.Code, refusal.Reason)));
        }
        Assert.Equal("pending", (await shared.Pool.Status(task.TaskId, shared.Ann)).Status);
        var node = await Refusal.Of(shared.Pool.Nodes.GetNodeInfoAsync(new() { NodeId = "nowhere" }, shared.Bob.Metadata));
        Assert.Equal(StatusCode.NotFound, node.Code);
    }

    [Fact]
    public async Task UserId_OfAnother_IsDenied()
    {
        var other = shared.Ann.UserId;
        Refusal[] refusals =
        [
            await Refusal.Of(shared.Pool.Users.GetUserInfoAsync(new() { UserId = other }, shared.Bob.Metadata)),
            await Refusal.Of(shared.Pool.Users.UpdateUserProfileAsync(new() { UserId = other, DisplayName = "Mine" }, shared.Bob.Metadata)),
            await Refusal.Of(shared.Pool.Master.SubmitTaskAsync(
                new() { UserId = other, TaskType = "python", TaskData = ByteString.CopyFromUtf8("1") }, shared.Bob.Metadata)),
        ];

        Assert.All(refusals, refusal => Assert.Equal(StatusCode.PermissionDenied, refusal.Code));
    }

    [Fact]
    public async Task Token_AfterLogout_IsRefused()
    {
        var session = await shared.Pool.LogIn("bob");
        await shared.Pool.Users.LogoutUserAsync(new(), session.Metadata);

        var refusal = await Refusal.Of(shared.Pool.Users.GetUserInfoAsync(new(), session.Metadata));

        Assert.Equal((StatusCode.Unauthenticated, "UNAUTHENTICATED"), (refusal.Code, refusal.Reason));
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("' OR 1=1 --")]
    [InlineData("../../etc/passwd")]
    public async Task Token_Garbage_IsRefused(string token)
    {
        var refusal = await Refusal.Of(shared.Pool.Users.GetUserInfoAsync(new(), PoolProcess.Bearer(token)));

        Assert.Equal((StatusCode.Unauthenticated, "UNAUTHENTICATED"), (refusal.Code, refusal.Reason));
    }

    [Fact]
    public async Task Login_WrongPasswordOrUnknownUser_SaysTheSame()
    {
        var wrong = await Refusal.Of(shared.Pool.Users.LoginUserAsync(new() { Username = "ann", Password = "not her password" }));
        var unknown = await Refusal.Of(shared.Pool.Users.LoginUserAsync(new() { Username = "nobody", Password = "not her password" }));

        Assert.Equal(StatusCode.Unauthenticated, wrong.Code);
        Assert.Equal(wrong, unknown);
    }

    [Fact]
    public async Task Strings_WithSqlAndPaths_AreNeverAnInternalError()
    {
        var caller = await shared.Pool.LogIn("bob");
        FileDescriptor proto = NodepoolReflection.Descriptor;
        var answers = new List<(string Call, StatusCode Code)>();
        foreach (var method in proto.Services.SelectMany(service => service.Methods).Where(method => !method.IsClientStreaming && !method.IsServerStreaming))
        {
            foreach (var field in Strings(method.InputType))
            {
                foreach (var text in Hostile)
                {
                    var request = Plausible(method);
                    Set(request, field, text);
                    answers.Add(($"{method.Name}.{string.Join('.', field.Select(part => part.Name))} = {text}", await Call(method, request, caller)));
                }
            }
        }

        Assert.True(answers.Count > 200, $"only {answers.Count} calls were made");
        Assert.DoesNotContain(answers, answer => answer.Code is StatusCode.Unknown or StatusCode.Internal or StatusCode.Unavailable);
        Assert.Equal("ann", (await shared.Pool.Users.GetUserInfoAsync(new(), shared.Ann.Metadata)).User.Username);
    }

    [Fact]
    public async Task DisplayName_WithSql_ComesBackWordForWord()
    {
        var name = "Robert'); DROP TABLE users;--";
        await shared.Pool.Users.UpdateUserProfileAsync(new() { DisplayName = name }, shared.Ann.Metadata);

        Assert.Equal(name, (await shared.Pool.Users.GetUserInfoAsync(new(), shared.Ann.Metadata)).User.DisplayName);
    }

    private async Task<StatusCode> Call(MethodDescriptor method, IMessage request, Login caller)
    {
        var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
        var call = new Method<byte[], byte[]>(MethodType.Unary, method.Service.FullName, method.Name, raw, raw);
        try
        {
            await shared.Pool.Channel.CreateCallInvoker().AsyncUnaryCall(call, null, new CallOptions(caller.Metadata), request.ToByteArray());
            return StatusCode.OK;
        }
        catch (RpcException refused)
        {
            return refused.StatusCode;
        }
    }

    /// <summary>A request that would be accepted, so that the one hostile string is what decides.</summary>
    private IMessage Plausible(MethodDescriptor method) => method.Name switch
    {
        "RegisterUser" => new RegisterUserRequest { Username = $"plausible{++_names}", Password = "short", Email = $"plausible{_names}@example.org" },
        "RegisterNode" => new RegisterNodeRequest { NodeId = "plausible", Capabilities = new() { CpuCores = 1, MemoryMb = 1, SupportedTasks = { "python" } } },
        "SubmitTask" => new SubmitTaskRequest { TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), Arguments = { "a" }, Requirements = new() },
        "UpdateNodeStatus" => new UpdateNodeStatusRequest { NodeId = "plausible" },
        _ => method.InputType.Parser.ParseFrom(ByteString.Empty),
    };

    private static IEnumerable<FieldDescriptor[]> Strings(MessageDescriptor type) => type.Fields.InDeclarationOrder().SelectMany(field =>
        field.FieldType == FieldType.String ? [[field]]
        : field.FieldType == FieldType.Message && !field.IsRepeated ? Strings(field.MessageType).Select(inner => (FieldDescriptor[])[field, .. inner])
        : Enumerable.Empty<FieldDescriptor[]>());

    private static void Set(IMessage message, ReadOnlySpan<FieldDescriptor> path, string text)
    {
        var field = path[0];
        if (path.Length > 1)
        {
            var inner = (IMessage?)field.Accessor.GetValue(message);
            if (inner is null) field.Accessor.SetValue(message, inner = field.MessageType.Parser.ParseFrom(ByteString.Empty));
            Set(inner, path[1..], text);
        }
        else if (field.IsRepeated)
        {
            ((System.Collections.IList)field.Accessor.GetValue(message)).Add(text);
        }
        else
        {
            field.Accessor.SetValue(message, text);
        }
    }
}
