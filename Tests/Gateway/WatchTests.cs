using System.Text;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>What a watcher is told, over a real channel, of a task that a test moves.</summary>
public sealed class WatchTests : IAsyncDisposable
{
    private static readonly string Id = TaskIds.New("alice", "watched");
    private readonly TestGateway _gateway = TestGateway.Start();
    private volatile TaskSnapshot _task = Snapshot(TaskState.Pending);
    private volatile string _waitsFor = "nobody";

    public WatchTests()
    {
        _gateway.Grains.Add(Id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(_task)).Object);
        _gateway.Grains.Add(Shards.Default, Stub<ISchedulerGrain>.New().On("Explain", _ => Task.FromResult(new WaitReason("WAITING_CAPACITY", _waitsFor))).Object);
        _gateway.Files.On("OpenRead", a => new MemoryStream(((BlobRef)a[0]!).Inline!));
    }

    public ValueTask DisposeAsync() => _gateway.DisposeAsync();

    [Fact]
    public async Task WatchTask_FromPendingToItsEnd_TellsEachChangeOnceAndEveryByteInOrder()
    {
        using var watch = Watch(new() { TaskId = Id, WithOutput = true });
        Assert.Equal("nobody", (await Next(watch)).Snapshot.ReasonText);
        _waitsFor = "somebody";
        Assert.Equal("somebody", (await Next(watch)).Snapshot.ReasonText);

        _task = Snapshot(TaskState.Running, attempts: 1);
        Assert.Equal(Wire.TaskState.Running, (await Next(watch)).Snapshot.State);
        await Print(1, 0, "one\n");
        var first = (await Next(watch)).Output;
        Assert.Equal((1, "stdout", 0L, "one\n"), (first.Attempt, first.Stream, first.Position, first.Data.ToStringUtf8()));
        await Print(1, 4, "two\n");
        Assert.Equal((4L, "two\n"), (await Next(watch)).Output is var second ? (second.Position, second.Data.ToStringUtf8()) : default);

        _task = Snapshot(TaskState.Completed, attempts: 1, stdout: "one\ntwo\nthree\n");
        Assert.Equal((8L, "three\n"), (await Next(watch)).Output is var rest ? (rest.Position, rest.Data.ToStringUtf8()) : default);
        Assert.Equal(("completed", 14L), (await Next(watch)).Snapshot is var end ? (end.Status, end.ResultSize) : default);
        Assert.False(await watch.ResponseStream.MoveNext(default));
    }

    [Fact]
    public async Task WatchTask_NextAttempt_BeginsAtZeroAgain()
    {
        _task = Snapshot(TaskState.Running, attempts: 1);
        await Print(1, 0, "from the first");
        using var watch = Watch(new() { TaskId = Id, WithOutput = true });
        Assert.Equal(1, (await Next(watch)).Snapshot.Attempt);
        Assert.Equal(1, (await Next(watch)).Output.Attempt);

        _task = Snapshot(TaskState.Running, attempts: 2);
        Assert.Equal(2, (await Next(watch)).Snapshot.Attempt);
        await Print(2, 0, "again");
        var again = (await Next(watch)).Output;
        Assert.Equal((2, 0L, "again"), (again.Attempt, again.Position, again.Data.ToStringUtf8()));
    }

    [Theory]
    [InlineData(1, 4, "two\nthree\n")]
    [InlineData(1, 14, "")]
    [InlineData(0, 0, "one\ntwo\nthree\n")]
    public async Task WatchTask_ResumedAfterTheEnd_GoesOnFromThePosition(int attempt, long position, string expected)
    {
        _task = Snapshot(TaskState.Completed, attempts: 1, stdout: "one\ntwo\nthree\n");
        using var watch = Watch(new() { TaskId = Id, WithOutput = true, Attempt = attempt, StdoutPosition = position });
        var got = new StringBuilder();
        Wire.GetTaskStatusResponse? last = null;
        await foreach (var message in watch.ResponseStream.ReadAllAsync())
        {
            if (message.Output is { } output) got.Append(output.Data.ToStringUtf8());
            last = message.Snapshot ?? last;
        }
        Assert.Equal((expected, "completed"), (got.ToString(), last?.Status));
    }

    [Fact]
    public async Task WatchTask_OfAnother_IsNotFound()
    {
        var error = await Assert.ThrowsAsync<RpcException>(() =>
            Next(_gateway.Master.WatchTask(new() { TaskId = TaskIds.New("x", "y") }, TestGateway.With(_gateway.Alice))));
        Assert.True(error.StatusCode is StatusCode.NotFound or StatusCode.Unavailable or StatusCode.Internal, error.ToString());
        _task = Snapshot(TaskState.Running, owner: "bob");
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => Next(Watch(new() { TaskId = Id })))).StatusCode);
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(1, -1)]
    [InlineData(0, 5)]
    public async Task WatchTask_PositionsThatCannotBe_NameTheField(int attempt, long position) =>
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(
            () => Next(Watch(new() { TaskId = Id, Attempt = attempt, StdoutPosition = position })))).StatusCode);

    [Fact]
    public async Task WatchTask_AboveTheUsersShare_IsRefusedUntilOneEnds()
    {
        var watches = Enumerable.Range(0, WatchSlots.PerUser).Select(_ => Watch(new() { TaskId = Id })).ToList();
        foreach (var watch in watches) await Next(watch);

        var refused = await Assert.ThrowsAsync<RpcException>(() => Next(Watch(new() { TaskId = Id })));
        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.NotNull(refused.GetRpcStatus()?.GetDetail<Google.Rpc.RetryInfo>());

        foreach (var watch in watches) watch.Dispose();
        await Processes.Wait.Until(async () =>
        {
            try
            {
                using var watch = Watch(new() { TaskId = Id });
                return (await Next(watch)).Snapshot is not null;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(20), () => "the places are not given back");
    }

    [Fact]
    public async Task DownloadResult_FromAnyOffset_SaysSizeAndHashFirst()
    {
        _task = Snapshot(TaskState.Completed, attempts: 1, stdout: "one\ntwo\n");
        var (header, bytes) = await Download(4);
        Assert.Equal((8L, _task.Result.Sha256, "two\n"), (header!.Size, header.Sha256, bytes));
        Assert.Equal("", (await Download(8)).Bytes);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => Download(9))).StatusCode);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => Download(0, "stdin"))).StatusCode);
        _task = Snapshot(TaskState.Running, attempts: 1);
        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => Download(0))).StatusCode);
    }

    [Fact]
    public async Task GetTaskResult_LargerThanAMessage_NamesTheWayToIt()
    {
        _task = Snapshot(TaskState.Completed, attempts: 1) with { Result = new BlobRef(200 << 20, new string('a', 64), null) };
        var error = await TestGateway.Fails(_gateway.Master.GetTaskResultAsync(new() { TaskId = Id }, TestGateway.With(_gateway.Alice)));
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Equal("RESULT_TOO_LARGE", error.GetRpcStatus()?.GetDetail<Google.Rpc.ErrorInfo>()?.Reason);
        Assert.Contains("DownloadResult", error.Status.Detail, StringComparison.Ordinal);
    }

    /// <summary>4 MiB is what a gRPC client of any language takes that changed nothing: the whole answer, not only the output in it.</summary>
    [Fact]
    public void GetTaskResult_LargestOfAll_IsWithinWhatEveryClientTakes()
    {
        var task = Snapshot(TaskState.Failed, attempts: 1) with { ErrorMessage = new string('\u20ac', 4096), Reason = Causes.ProgramFailed };
        var largest = task with { Result = new BlobRef((4 << 20) - 1024 - (3 * 4096) - Causes.ProgramFailed.Length, new string('a', 64), null) };
        ResultReader.RequireFits(largest);
        Assert.True(TaskMapping.ToResult(largest, new byte[largest.Result.Size], []).CalculateSize() <= 4 << 20);
        Assert.Throws<HiveMindException>(() => ResultReader.RequireFits(largest with { Result = largest.Result with { Size = largest.Result.Size + 1 } }));
        var loud = task with { Result = new BlobRef(4_000_000, new string('a', 64), null), Stderr = new BlobRef(50 << 20, new string('b', 64), null) };
        Assert.True(TaskMapping.ToResult(loud, new byte[loud.Result.Size], new byte[ResultReader.StderrRoom(loud)]).CalculateSize() <= 4 << 20);
    }

    private AsyncServerStreamingCall<Wire.WatchTaskResponse> Watch(Wire.WatchTaskRequest request) =>
        _gateway.Master.WatchTask(request, TestGateway.With(_gateway.Alice), DateTime.MaxValue);

    private static async Task<Wire.WatchTaskResponse> Next(AsyncServerStreamingCall<Wire.WatchTaskResponse> watch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        Assert.True(await watch.ResponseStream.MoveNext(patience.Token), "the stream has ended");
        return watch.ResponseStream.Current;
    }

    private async Task<(Wire.DownloadHeader? Header, string Bytes)> Download(long offset, string stream = "")
    {
        using var call = _gateway.Master.DownloadResult(new() { TaskId = Id, Offset = offset, Stream = stream }, TestGateway.With(_gateway.Alice));
        Wire.DownloadHeader? header = null;
        var bytes = new StringBuilder();
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            header ??= message.Header;
            bytes.Append(message.Data.ToStringUtf8());
        }
        return (header, bytes.ToString());
    }

    private async Task Print(int attempt, long offset, string text) =>
        Assert.Equal(offset + text.Length, await _gateway.Partials.Append(
            PartialIds.Output(Id, attempt, "stdout"), offset, Encoding.UTF8.GetBytes(text), 1000, default));

    private static TaskSnapshot Snapshot(TaskState state, int attempts = 0, string stdout = "", string owner = "alice") => new()
    {
        TaskId = Id, State = state, CreatedAt = DateTimeOffset.UnixEpoch, NodeId = attempts > 0 ? "node-1" : null,
        Spec = new TaskSpec { UserId = owner, TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 256, 0) },
        Attempts = [.. Enumerable.Range(1, attempts).Select(n => new AttemptSnapshot(n, "node-1", DateTimeOffset.UnixEpoch, null, null, "", 0, 0))],
        Result = new BlobRef(stdout.Length, Files.PartialFilesTests.Hash(Encoding.UTF8.GetBytes(stdout)), Encoding.UTF8.GetBytes(stdout)),
    };
}

/// <summary>Payloads in chunks, and tasks that name them.</summary>
public sealed class UploadPayloadTests
{
    private static readonly byte[] Program = [.. Enumerable.Range(0, 150_000).Select(i => (byte)(i * 3))];
    private static readonly string Sha = Files.PartialFilesTests.Hash(Program);

    [Fact]
    public async Task UploadPayload_CutInTheMiddle_GoesOnAndIsTheTasksProgram()
    {
        await using var gateway = TestGateway.Start();
        var me = TestGateway.With(gateway.Alice);
        TaskSpec? submitted = null;
        var id = TaskIds.New("alice", "large");
        gateway.Grains.Add(id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(null)).On("Submit", a =>
        {
            submitted = (TaskSpec)a[0]!;
            return Task.FromResult(new TaskSnapshot { TaskId = id, State = TaskState.Pending, CreatedAt = DateTimeOffset.UnixEpoch, Spec = submitted });
        }).Object);
        Assert.Equal(StatusCode.FailedPrecondition, (await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Naming("large"), me))).StatusCode);

        await Assert.ThrowsAsync<RpcException>(() => Upload(gateway, me, 0, Program[..60_000])); // ended before all was sent
        Assert.Equal(60_000, await Position(gateway, me));
        var wrong = await Assert.ThrowsAsync<RpcException>(() => Upload(gateway, me, 0, Program));
        Assert.Equal(StatusCode.FailedPrecondition, wrong.StatusCode);
        await Upload(gateway, me, 60_000, Program[60_000..]);
        Assert.Equal(Program.Length, await Position(gateway, me));
        await gateway.Master.SubmitTaskAsync(Naming("large"), me);

        Assert.Equal((150_000L, Sha), (submitted!.Payload.Size, submitted.Payload.Sha256));
        Assert.Equal(0, await Position(gateway, TestGateway.With(gateway.Root))); // nobody else has it by its hash
    }

    [Fact]
    public async Task UploadPayload_OtherBytesThanPromised_NamesTheHashAndKeepsNothing()
    {
        await using var gateway = TestGateway.Start();
        var me = TestGateway.With(gateway.Alice);
        var other = (byte[])Program.Clone();
        other[7]++;
        var error = await Assert.ThrowsAsync<RpcException>(() => Upload(gateway, me, 0, other));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal("sha256", error.GetRpcStatus()?.GetDetail<Google.Rpc.BadRequest>()?.FieldViolations.Single().Field);
        Assert.Equal(0, await Position(gateway, me));
    }

    [Theory]
    [InlineData(0, "payload_size", true, false)]
    [InlineData(5, "payload_sha256", true, true)]
    [InlineData(5, "payload_size", false, true)]
    [InlineData(0, "task_data", false, false)]
    public async Task SubmitTask_PayloadHalfNamed_NamesTheField(long size, string field, bool named, bool withData)
    {
        await using var gateway = TestGateway.Start();
        var request = new Wire.SubmitTaskRequest { TaskType = "python", PayloadSize = size, PayloadSha256 = named ? Sha : "" };
        if (withData) request.TaskData = ByteString.CopyFromUtf8("print(1)");
        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(request, TestGateway.With(gateway.Alice)));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(field, error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(violation => violation.Field));
    }

    [Theory]
    [InlineData(-1, null)]
    [InlineData(1L << 60, null)]
    [InlineData(10, "../../etc/passwd")]
    public async Task UploadPayload_HeaderThatCannotBe_Refused(long size, string? sha)
    {
        await using var gateway = TestGateway.Start();
        var request = new Wire.GetUploadPositionRequest { Size = size, Sha256 = sha ?? Sha };
        Assert.Equal(StatusCode.InvalidArgument, (await TestGateway.Fails(gateway.Master.GetUploadPositionAsync(request, TestGateway.With(gateway.Alice)))).StatusCode);
    }

    private static Wire.SubmitTaskRequest Naming(string requestId) =>
        new() { TaskType = "python", PayloadSha256 = Sha, PayloadSize = Program.Length, RequestId = requestId };

    private static async Task<long> Position(TestGateway gateway, Metadata who) =>
        (await gateway.Master.GetUploadPositionAsync(new() { Size = Program.Length, Sha256 = Sha }, who)).Position;

    private static async Task Upload(TestGateway gateway, Metadata who, long offset, byte[] bytes)
    {
        using var call = gateway.Master.UploadPayload(who);
        try
        {
            await call.RequestStream.WriteAsync(new() { Header = new() { Size = Program.Length, Sha256 = Sha, Offset = offset } });
            foreach (var chunk in bytes.Chunk(30_000)) await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(chunk) });
            await call.RequestStream.CompleteAsync();
        }
        catch (RpcException)
        {
            // refused early: the answer says why
        }
        await call.ResponseAsync;
    }
}
