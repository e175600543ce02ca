using System.Collections.Concurrent;
using System.Diagnostics;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using HiveMind.Users;
using Microsoft.Extensions.Time.Testing;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>Many tasks by one stream, and the quotas of roles, as a client meets them.</summary>
public sealed class SubmitTasksTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static Wire.SubmitTaskRequest Task(string requestId = "", Action<Wire.SubmitTaskRequest>? change = null)
    {
        var task = new Wire.SubmitTaskRequest
        {
            TaskType = "python", TaskData = ByteString.CopyFromUtf8("print(1)"), RequestId = requestId, Requirements = new() { CpuCores = 1 },
        };
        change?.Invoke(task);
        return task;
    }

    private static Wire.SubmitTasksRequest Batch(params IEnumerable<Wire.SubmitTaskRequest> tasks) => new() { Tasks = { tasks } };

    private static Wire.SubmitTasksRequest Batch(int count, string prefix) => Batch(Enumerable.Range(0, count).Select(i => Task($"{prefix}{i}")));

    private static async Task<List<Wire.SubmittedTask>> Answers(AsyncDuplexStreamingCall<Wire.SubmitTasksRequest, Wire.SubmitTasksResponse> call)
    {
        var answers = new List<Wire.SubmittedTask>();
        while (await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience)) answers.AddRange(call.ResponseStream.Current.Results);
        return answers;
    }

    private static async Task<List<Wire.SubmittedTask>> Submit(TestGateway gateway, SessionToken? who, params Wire.SubmitTasksRequest[] batches)
    {
        using var call = gateway.Master.SubmitTasks(who is null ? [] : TestGateway.With(who));
        foreach (var batch in batches) await call.RequestStream.WriteAsync(batch);
        await call.RequestStream.CompleteAsync();
        return await Answers(call);
    }

    private static string Reason(RpcException error) => error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? "";

    [Fact]
    public async Task Batch_GoodAndBad_EachIsAnsweredForItselfInOrder()
    {
        await using var gateway = TestGateway.Start();
        var tasks = new FakeTasks(gateway)
        {
            Before = id => id == TaskIds.New("alice", "away") ? System.Threading.Tasks.Task.FromException(new TimeoutException("secret")) : System.Threading.Tasks.Task.CompletedTask,
        };

        var answers = await Submit(gateway, gateway.Alice, Batch(
            Task("one"), Task("two", t => t.TaskType = "cobol"), Task("three", t => t.Requirements.CpuCores = -1), Task("one"),
            Task("one", t => t.Arguments.Add("other")), Task("away"), Task("", t => t.UserId = "bob"), Task("last", t => t.UserId = "alice")));

        Assert.Equal(
            [
                (0, "", ""), (3, "INVALID_FIELD", "task_type"), (3, "INVALID_FIELD", "requirements.cpu_cores"), (0, "", ""),
                (6, "REQUEST_ID_REUSED", "request_id"), (14, "TIMED_OUT", ""), (7, "USER_MISMATCH", "user_id"), (0, "", ""),
            ],
            answers.Select(answer => (answer.Code, answer.Reason, answer.Field)));
        Assert.Equal(["one", "two", "three", "one", "one", "away", "", "last"], answers.Select(answer => answer.RequestId));
        Assert.Equal((TaskIds.New("alice", "one"), answers[0].TaskId), (answers[0].TaskId, answers[3].TaskId));
        Assert.All(answers, answer => Assert.Equal(answer.Code == 0, answer.TaskId.Length > 0 && answer.Message.Length == 0));
        Assert.DoesNotContain("secret", string.Concat(answers), StringComparison.Ordinal);
        Assert.Equal(2, tasks.Born.Count);
    }

    [Fact]
    public async Task Stream_ManyBatches_AreAnsweredInOrderWithTheCreditAskedOnceEach()
    {
        await using var gateway = TestGateway.Start();
        var balances = 0;
        gateway.Database.On("Balance", _ => System.Threading.Tasks.Task.FromResult(Interlocked.Increment(ref balances) * 1_000_000_000L));
        var tasks = new FakeTasks(gateway);

        var answers = await Submit(gateway, gateway.Alice, [.. Enumerable.Range(0, 5).Select(b => Batch(300, $"{b}-")), Batch()]);

        Assert.Equal(Enumerable.Range(0, 5).SelectMany(b => Enumerable.Range(0, 300).Select(i => $"{b}-{i}")), answers.Select(answer => answer.RequestId));
        Assert.All(answers, answer => Assert.Equal(0, answer.Code));
        Assert.Equal((1500, 5, 0), (tasks.Born.Count, balances, tasks.LoadsAsked));
        Assert.InRange(tasks.MostTogether, 1, TaskSubmission.BirthsTogether);
    }

    [Fact]
    public async Task Stream_BatchesThatAreNotDurableYet_NoMoreThanTwoAreBegunAndBirthsAreBounded()
    {
        await using var gateway = TestGateway.Start();
        var gate = new TaskCompletionSource();
        var begun = new ConcurrentDictionary<string, bool>();
        var ids = Enumerable.Range(0, 4).SelectMany(b => Enumerable.Range(0, 60).Select(i => (Id: TaskIds.New("alice", $"{b}-{i}"), Batch: $"{b}")))
            .ToDictionary(pair => pair.Id, pair => pair.Batch);
        var tasks = new FakeTasks(gateway)
        {
            Before = id =>
            {
                begun[ids[id]] = true;
                return gate.Task;
            },
        };
        using var call = gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice));
        for (var b = 0; b < 4; b++) await call.RequestStream.WriteAsync(Batch(60, $"{b}-"));
        await call.RequestStream.CompleteAsync();
        await Wait.Until(() => tasks.Submits == 120, Patience, () => $"{tasks.Submits} births");

        Assert.Equal(["0", "1"], begun.Keys.Order());
        gate.SetResult();
        Assert.Equal(240, (await Answers(call)).Count(answer => answer.Code == 0));
        Assert.Equal(4, begun.Count);

        gate = new TaskCompletionSource();
        tasks.Before = _ => gate.Task;
        using var wide = gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice));
        await wide.RequestStream.WriteAsync(Batch(1000, "wide-"));
        await Wait.Until(() => tasks.Submits == 240 + TaskSubmission.BirthsTogether, Patience, () => $"{tasks.Submits} births");
        gate.SetResult();
        await wide.RequestStream.CompleteAsync();
        Assert.Equal(1000, (await Answers(wide)).Count(answer => answer.Code == 0));
        Assert.Equal(TaskSubmission.BirthsTogether, tasks.MostTogether);
    }

    [Theory]
    [InlineData(1001, 1)]
    [InlineData(5, 1 << 20)]
    public async Task Stream_MessageTooLarge_FailsItNamingTheFieldBehindTheAnswersOfWhatWasBefore(int count, int size)
    {
        await using var gateway = TestGateway.Start();
        var tasks = new FakeTasks(gateway);
        var large = Batch(Enumerable.Range(0, count).Select(i => Task($"{i}", t => t.TaskData = ByteString.CopyFrom(new byte[size]))));
        using var call = gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice));
        await call.RequestStream.WriteAsync(Batch(Task("before")));
        await call.RequestStream.WriteAsync(large);

        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        Assert.Equal("before", Assert.Single(call.ResponseStream.Current.Results).RequestId);
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None)).WaitAsync(Patience);
        Assert.Equal((StatusCode.InvalidArgument, "tasks"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Single().Field));
        Assert.Single(tasks.Born);
    }

    [Fact]
    public async Task Batch_WithoutCredit_OnlyWhatIsRepeatedIsAccepted()
    {
        await using var gateway = TestGateway.Start();
        var tasks = new FakeTasks(gateway);
        await Submit(gateway, gateway.Alice, Batch(Task("old")));
        gateway.Database.On("Balance", _ => System.Threading.Tasks.Task.FromResult(0L));

        var answers = await Submit(gateway, gateway.Alice, Batch(Task("new"), Task("old"), Task()));

        Assert.Equal([(9, "INSUFFICIENT_CREDITS"), (0, ""), (9, "INSUFFICIENT_CREDITS")], answers.Select(answer => (answer.Code, answer.Reason)));
        Assert.Single(tasks.Born);
    }

    [Fact]
    public async Task PendingQuota_Reached_TheFirstGetInAndRepetitionsAreFree()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new() { MaxPending = 5 });
        var tasks = new FakeTasks(gateway);
        Assert.All(await Submit(gateway, gateway.Alice, Batch(3, "a")), answer => Assert.Equal(0, answer.Code));

        var answers = await Submit(gateway, gateway.Alice, Batch(Task("b0"), Task("a0"), Task("bad", t => t.TaskType = ""), Task("a1"), Task("b1"), Task("b2"), Task("a2"), Task("b3")));

        Assert.Equal([0, 0, 3, 0, 0, 8, 0, 8], answers.Select(answer => answer.Code));
        Assert.Equal("PENDING_QUOTA", answers[5].Reason);
        Assert.Equal(5, tasks.Born.Count);
        var one = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Task("c"), TestGateway.With(gateway.Alice)));
        Assert.Equal((StatusCode.ResourceExhausted, "PENDING_QUOTA"), (one.StatusCode, Reason(one)));
        Assert.NotNull(one.GetRpcStatus()!.GetDetail<RetryInfo>());
        Assert.Equal(TaskIds.New("alice", "a0"), (await gateway.Master.SubmitTaskAsync(Task("a0"), TestGateway.With(gateway.Alice))).TaskId);
        Assert.All(await Submit(gateway, gateway.Root, Batch(9, "root")), answer => Assert.Equal(0, answer.Code)); // another role
    }

    [Fact]
    public async Task BandReserved_ForAnotherRole_IsDeniedNamingThePriority()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.BandRoles["urgent"] = "admin");
        _ = new FakeTasks(gateway);
        static void Urgent(Wire.SubmitTaskRequest task) => task.Priority = Wire.TaskPriority.Urgent;

        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(Task("", Urgent), TestGateway.With(gateway.Alice)));
        Assert.Equal((StatusCode.PermissionDenied, "BAND_RESERVED"), (error.StatusCode, Reason(error)));
        Assert.Equal("priority", error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
        var answers = await Submit(gateway, gateway.Alice, Batch(Task("", Urgent), Task("", t => t.Priority = Wire.TaskPriority.High)));
        Assert.Equal([(7, "BAND_RESERVED", "priority"), (0, "", "")], answers.Select(answer => (answer.Code, answer.Reason, answer.Field)));
        Assert.Equal(0, Assert.Single(await Submit(gateway, gateway.Root, Batch(Task("", Urgent)))).Code);
        Assert.Equal(7, Assert.Single(await Submit(gateway, gateway.Root, Batch(Task("", t => { Urgent(t); t.UserId = "bob"; })))).Code); // as bob
    }

    [Fact]
    public async Task SubmitRate_Spent_OneIsRefusedWithRetryInfoAndAStreamWaits()
    {
        await using var gateway = TestGateway.Start(o => o.Scheduling.Roles["user"] = new() { SubmitsPerSecond = 40 });
        var tasks = new FakeTasks(gateway);
        var began = Stopwatch.StartNew();

        var answers = await Submit(gateway, gateway.Alice, Batch(100, "a"));

        Assert.All(answers, answer => Assert.Equal(0, answer.Code));
        Assert.True(began.Elapsed > TimeSpan.FromSeconds(1), $"100 at 40 a second, 40 of them at once, after {began.Elapsed}"); // 1.5 s without the clock's grain
        RpcException? refused = null;
        for (var i = 0; i < 1000 && refused is null; i++)
        {
            try
            {
                await gateway.Master.SubmitTaskAsync(Task(), TestGateway.With(gateway.Alice));
            }
            catch (RpcException error)
            {
                refused = error;
            }
        }

        Assert.Equal((StatusCode.ResourceExhausted, "SUBMIT_RATE"), (refused!.StatusCode, Reason(refused)));
        Assert.NotNull(refused.GetRpcStatus()!.GetDetail<RetryInfo>());
        await gateway.Master.SubmitTaskAsync(Task(), TestGateway.With(gateway.Root)); // another role
    }

    [Fact]
    public async Task Stream_Silent_IsCutAfter30SecondsButNotWhileABatchIsBeingWritten()
    {
        var time = new FakeTimeProvider();
        await using var gateway = TestGateway.Start(time: time);
        var gate = new TaskCompletionSource();
        var tasks = new FakeTasks(gateway) { Before = _ => gate.Task };
        using var call = gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice));
        await call.RequestStream.WriteAsync(Batch(Task("slow")));
        await Wait.Until(() => tasks.Submits == 1, Patience, () => "it is not begun");
        time.Advance(TimeSpan.FromMinutes(5));
        gate.SetResult();
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience)); // five minutes did not count
        Assert.Equal(0, Assert.Single(call.ResponseStream.Current.Results).Code);

        var end = Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None));
        await Wait.Until(() =>
        {
            time.Advance(TimeSpan.FromSeconds(31));
            return end.IsCompleted;
        }, Patience, () => "it is still open");
        Assert.Equal((StatusCode.DeadlineExceeded, "STREAM_IDLE"), ((await end).StatusCode, Reason(await end)));
    }

    [Fact]
    public async Task Stream_SessionEnds_NoFurtherBatchIsTaken()
    {
        await using var gateway = TestGateway.Start();
        var tasks = new FakeTasks(gateway);
        var carol = SessionToken.NewSession("carol");
        var ended = false;
        gateway.Grains.Add("carol", Stub<IUserGrain>.New().On("CheckSession", _ => ended
            ? System.Threading.Tasks.Task.FromException<Caller>(HiveMindException.Unauthenticated())
            : System.Threading.Tasks.Task.FromResult(new Caller("carol", "carol", Roles.User))).Object);
        using var call = gateway.Master.SubmitTasks(TestGateway.With(carol));
        await call.RequestStream.WriteAsync(Batch(Task("1")));
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        ended = true;
        await call.RequestStream.WriteAsync(Batch(Task("2")));
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None)).WaitAsync(Patience);
        Assert.Equal(StatusCode.Unauthenticated, error.StatusCode);
        Assert.Single(tasks.Born);
    }

    [Fact]
    public async Task Stream_OpenModeOrAdmin_EachTaskIsForTheAccountItNames()
    {
        await using var gateway = TestGateway.Start(o => o.Auth.Mode = AuthMode.Open);
        var tasks = new FakeTasks(gateway);

        var open = await Submit(gateway, null, Batch(Task("1"), Task("1", t => t.UserId = "user_123"), Task("1", t => t.UserId = "../x")));
        var admin = await Submit(gateway, gateway.Root, Batch(Task("1"), Task("1", t => t.UserId = "bob")));

        Assert.Equal([0, 0, 3], open.Select(answer => answer.Code));
        Assert.Equal("user_id", open[2].Field);
        Assert.All(admin, answer => Assert.Equal(0, answer.Code));
        Assert.Equal(["bob", "local", "root", "user_123"], tasks.Born.Values.Select(spec => spec.UserId).Order());
    }

    [Fact]
    public async Task Streams_TooManyOfOneUser_TheNextIsRefusedUntilOneEnds()
    {
        await using var gateway = TestGateway.Start();
        _ = new FakeTasks(gateway);
        var open = new List<AsyncDuplexStreamingCall<Wire.SubmitTasksRequest, Wire.SubmitTasksResponse>>();
        for (var i = 0; i < SubmitSlots.PerUser; i++)
        {
            open.Add(gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice)));
            await open[^1].RequestStream.WriteAsync(Batch(Task()));
            Assert.True(await open[^1].ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        }

        using var more = gateway.Master.SubmitTasks(TestGateway.With(gateway.Alice));
        var error = await Assert.ThrowsAsync<RpcException>(() => more.ResponseStream.MoveNext(CancellationToken.None)).WaitAsync(Patience);
        Assert.Equal((StatusCode.ResourceExhausted, "TOO_MANY_SUBMIT_STREAMS"), (error.StatusCode, Reason(error)));
        foreach (var call in open)
        {
            await call.RequestStream.CompleteAsync();
            Assert.Empty(await Answers(call));
            call.Dispose();
        }

        Assert.Equal(0, Assert.Single(await Submit(gateway, gateway.Alice, Batch(Task()))).Code);
    }
}
