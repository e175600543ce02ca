using Google.Rpc;
using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Tasks;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

public sealed class WorkerStreamTests
{
    private static readonly string Id = TaskIds.New("alice", "1");
    private static readonly Wire.WorkerMessage Hello = new() { Hello = new() { Capabilities = new() { CpuCores = 2, MemoryMb = 1024 } } };
    private IWorkerLink? _link;

    private async Task<(TestGateway, AsyncDuplexStreamingCall<Wire.WorkerMessage, Wire.HubMessage>)> Connected(TimeProvider? time = null)
    {
        var gateway = TestGateway.Start(null, time);
        gateway.Node
            .On("Connect", a =>
            {
                _link = (IWorkerLink)a[0]!;
                return Task.FromResult(new NodeWelcome(7, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(12)));
            })
            .On("Heartbeat", _ => Task.CompletedTask)
            .On("Disconnect", _ => Task.CompletedTask);
        var call = gateway.Nodes.Work(TestGateway.With(gateway.NodeToken), DateTime.MaxValue);
        await call.RequestStream.WriteAsync(Hello);
        Assert.Equal((7, 12000), ((await Next(call)).Welcome.Epoch, call.ResponseStream.Current.Welcome.LeaseMs));
        return (gateway, call);
    }

    private static async Task<Wire.HubMessage> Next(AsyncDuplexStreamingCall<Wire.WorkerMessage, Wire.HubMessage> call)
    {
        Assert.True(await call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(10)));
        return call.ResponseStream.Current;
    }

    private static async Task<RpcException> Ends(AsyncDuplexStreamingCall<Wire.WorkerMessage, Wire.HubMessage> call) =>
        await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(10)));

    private static Wire.WorkerMessage Ended(string reason = "") =>
        new() { Report = new() { TaskId = Id, Attempt = 1, Kind = Wire.TaskReportKind.Ended, ErrorReason = reason } };

    [Fact]
    public async Task Work_NotHelloFirst_InvalidArgument()
    {
        await using var gateway = TestGateway.Start();
        using var call = gateway.Nodes.Work(TestGateway.With(gateway.NodeToken));
        await call.RequestStream.WriteAsync(new() { Drain = new() });
        Assert.Equal(StatusCode.InvalidArgument, (await Ends(call)).StatusCode);
    }

    [Theory]
    [InlineData("no id at all", 1, 1)]
    [InlineData("", 1, 1)]
    [InlineData("0123456789abcdef0123456789abcdef", 0, 1)]
    [InlineData("0123456789abcdef0123456789abcdef", 1, 2049)] // more than a machine of 2 cores and 1024 MiB can hold
    public async Task Work_HeartbeatThatNamesWhatCannotBe_EndsTheStreamAndAsksNobody(string taskId, int attempt, int times)
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        gateway.Node.On("Heartbeat", _ => throw new NotSupportedException("asked"));
        var beat = new Wire.WorkerHeartbeat { Sequence = 1 };
        beat.Running.AddRange(Enumerable.Range(0, times).Select(_ => new Wire.AttemptRef { TaskId = taskId, Attempt = attempt }));

        await call.RequestStream.WriteAsync(new() { Heartbeat = beat });

        var refused = await Ends(call);
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
        Assert.Equal("heartbeat.running", Assert.Single(refused.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations).Field);
    }

    /// <summary>What a method leaves behind still waits for the worker's next message when the hub has ended its stream.</summary>
    [Fact]
    public async Task Work_EndedByTheHub_LeavesTheNextCallsOfItsConnectionAlone()
    {
        var (gateway, first) = await Connected();
        await using var _ = gateway;
        for (var i = 0; i < 40; i++)
        {
            using var call = i == 0 ? first : gateway.Nodes.Work(TestGateway.With(gateway.NodeToken), DateTime.MaxValue);
            if (i > 0) await call.RequestStream.WriteAsync(Hello);
            await call.RequestStream.WriteAsync(new() { Heartbeat = new() { Sequence = 1, Usage = new() { CpuUsage = 1000 } } });
            var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                while (await call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(10)))
                {
                }
            });
            Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
            Assert.Contains("0 to 100", refused.Status.Detail, StringComparison.Ordinal);
            Assert.Equal("alice", (await gateway.Users.GetUserInfoAsync(new(), TestGateway.With(gateway.Alice))).User.UserId);
        }
    }

    [Fact]
    public void Pace_AboveWhatASecondAllows_Waits()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var pace = new StreamPace(time, perSecond: 100, burst: 200);

        Assert.Equal(TimeSpan.Zero, pace.Take(200));
        Assert.Equal(TimeSpan.FromSeconds(0.5), pace.Take(50));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, pace.Take(50));
    }

    [Fact]
    public async Task Work_ReportsOnWhatIsNotItsMachines_AreTakenSoManyASecondWhileItsHeartbeatsGoOn()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var (gateway, call) = await Connected(time);
        await using var _ = gateway;
        var asked = 0;
        gateway.Node.On("Report", a =>
        {
            var reports = (IReadOnlyList<TaskOutcomeReport>)a[1]!;
            Interlocked.Add(ref asked, reports.Count);
            return Task.FromResult<IReadOnlyList<ReportVerdict>>([.. reports.Select(r => new ReportVerdict(r.TaskId, 1, ReportVerdictKind.Stale, "STALE_ATTEMPT", ""))]);
        });
        async Task Say(int reports)
        {
            for (var i = 0; i < reports; i++) await call.RequestStream.WriteAsync(Ended());
        }

        for (var sent = 0; sent < StreamPace.StaleBurst; sent += 500)
        {
            await Say(500);
            for (var i = 0; i < 500; i++) Assert.Equal("STALE_ATTEMPT", (await Next(call)).ReportAnswer.Reason);
        }

        await Say(500);
        await call.RequestStream.WriteAsync(new() { Heartbeat = new() { Sequence = 42 } });
        while ((await Next(call)).HeartbeatAnswer is not { Sequence: 42 })
        {
        }

        var waited = 0;
        await HiveMind.Tests.Processes.Wait.Until(() =>
        {
            if (Volatile.Read(ref asked) == StreamPace.StaleBurst + 500) return true;
            time.Advance(TimeSpan.FromMilliseconds(100));
            waited++;
            return false;
        }, TimeSpan.FromSeconds(30), () => $"{asked} were asked about");
        Assert.InRange(waited, 15, int.MaxValue); // 372 at least are beyond the first batch, and 200 go in a second
    }

    [Fact]
    public async Task Work_SlowReport_DoesNotDelayHeartbeats()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        var release = new TaskCompletionSource<IReadOnlyList<ReportVerdict>>();
        gateway.Node.On("Report", _ => release.Task);
        await call.RequestStream.WriteAsync(Ended());
        await call.RequestStream.WriteAsync(new() { Heartbeat = new() { Sequence = 42 } });
        Assert.Equal(42, (await Next(call)).HeartbeatAnswer.Sequence);
        release.SetResult([new ReportVerdict(Id, 1, ReportVerdictKind.Stale, "STALE_ATTEMPT", "")]);
        var answer = (await Next(call)).ReportAnswer;
        Assert.Equal((10, "STALE_ATTEMPT", Id), (answer.Code, answer.Reason, answer.TaskId));
    }

    [Fact]
    public async Task Work_ReportsThatFail_AnsweredEachByItsCode()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        gateway.Node.On("Report", _ => Task.FromException<IReadOnlyList<ReportVerdict>>(new TimeoutException()));
        await call.RequestStream.WriteAsync(Ended());
        Assert.Equal(14, (await Next(call)).ReportAnswer.Code);
        await call.RequestStream.WriteAsync(Ended("BECAUSE"));
        Assert.Equal(3, (await Next(call)).ReportAnswer.Code);
        var forged = Ended();
        forged.Report.Result = new() { Size = 9000, Sha256 = new string('a', 64), Receipt = Google.Protobuf.ByteString.CopyFrom(new byte[32]) };
        await call.RequestStream.WriteAsync(forged);
        Assert.Equal(3, (await Next(call)).ReportAnswer.Code);
    }

    [Fact]
    public async Task Work_PushesOfTheGrain_ReachTheWorkerAndCloseAborts()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        await _link!.Kill(Id, 1, "CANCELLED");
        Assert.Equal("CANCELLED", (await Next(call)).Kill.Reason);
        await _link.Close("SUPERSEDED");
        var error = await Ends(call);
        Assert.Equal((StatusCode.Aborted, "SUPERSEDED"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
    }

    [Fact]
    public async Task Work_StaleEpochAtAHeartbeat_Aborted()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        gateway.Node.On("Heartbeat", _ => Task.FromException(HiveMindException.Aborted("STALE_EPOCH", "Another connection.")));
        await call.RequestStream.WriteAsync(new() { Heartbeat = new() { Sequence = 1 } });
        var error = await Ends(call);
        Assert.Equal((StatusCode.Aborted, "STALE_EPOCH"), (error.StatusCode, error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason));
    }

    [Fact]
    public async Task Work_ThreeHeartbeatsFail_Unavailable()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        var tries = 0;
        var tried = new SemaphoreSlim(0);
        gateway.Node.On("Heartbeat", _ => { tries++; tried.Release(); return Task.FromException(new TimeoutException()); });
        for (var i = 0; i < 3; i++)
        {
            await call.RequestStream.WriteAsync(new() { Heartbeat = new() { Sequence = i } });
            Assert.True(await tried.WaitAsync(TimeSpan.FromSeconds(10)));
        }
        Assert.Equal((StatusCode.Unavailable, 3), ((await Ends(call)).StatusCode, tries));
    }

    [Fact]
    public async Task Work_WorkerLeaves_GrainIsToldAndTheLinkDropped()
    {
        var (gateway, call) = await Connected();
        await using var _ = gateway;
        var left = new TaskCompletionSource<long>();
        gateway.Node.On("Disconnect", a => { left.SetResult((long)a[0]!); return Task.CompletedTask; });
        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext(default).WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(7, await left.Task.WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Empty(gateway.Grains.Links);
    }

    [Fact]
    public async Task ReportTask_OtherNodeOrStaleAttempt_DeniedOrAborted()
    {
        await using var gateway = TestGateway.Start();
        gateway.Node.On("Report", _ => Task.FromResult<IReadOnlyList<ReportVerdict>>([new ReportVerdict(Id, 1, ReportVerdictKind.Stale, "STALE_ATTEMPT", "Old.")]));
        var request = new Wire.ReportTaskRequest { NodeId = "node-2", Report = Ended().Report };
        Assert.Equal(StatusCode.PermissionDenied, (await TestGateway.Fails(gateway.Nodes.ReportTaskAsync(request, TestGateway.With(gateway.NodeToken)))).StatusCode);
        request.NodeId = "node-1";
        Assert.Equal(StatusCode.Aborted, (await TestGateway.Fails(gateway.Nodes.ReportTaskAsync(request, TestGateway.With(gateway.NodeToken)))).StatusCode);
    }
}
