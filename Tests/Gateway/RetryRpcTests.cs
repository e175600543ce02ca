using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Tasks;
using HiveMind.Users;
using Wire = HiveMind.Protos;

namespace HiveMind.Tests.Gateway;

/// <summary>Retry, deadlines and usage between the wire and the contracts.</summary>
public sealed class RetryRpcTests
{
    private static readonly string Id = TaskIds.New("root", "1");

    [Fact]
    public async Task SubmitTask_RetryAndDeadlines_ReachTheTaskWithTheSubmittersRole()
    {
        await using var gateway = TestGateway.Start();
        TaskSpec? got = null;
        gateway.AddTask(Id, "root", TaskState.Pending, Stub<ITaskGrain>.New().On("Submit", a =>
        {
            got = (TaskSpec)a[0]!;
            return Task.FromResult(new TaskSnapshot { TaskId = Id, State = TaskState.Pending, CreatedAt = DateTimeOffset.UnixEpoch, Spec = got });
        }));

        await gateway.Master.SubmitTaskAsync(Request(), TestGateway.With(gateway.Root));

        Assert.Equal((Roles.Admin, 60.0, 600.0), (got!.Role, got.QueueDeadline.TotalSeconds, got.TotalTimeout.TotalSeconds));
        Assert.Equal([1, 75], got.Retry.ExitCodes);
        Assert.Equal((true, true, false, 4), (got.Retry.AnyFailure, got.Retry.OnTimeout, got.Retry.OnLostNode, got.Retry.MaxAttempts));
    }

    [Fact]
    public void ToSpec_NothingSaid_IsTheDefault()
    {
        var spec = TaskMapping.ToSpec(new Wire.SubmitTaskRequest { TaskType = "python" }, new Caller("u", "u", Roles.User), BlobRef.Empty);
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero, RetrySpec.Default, Roles.User), (spec.QueueDeadline, spec.TotalTimeout, spec.Retry, spec.Role));
    }

    [Fact]
    public async Task GetTaskStatus_ShowsWhatWasAskedForAndWhatAttemptsUsed()
    {
        await using var gateway = TestGateway.Start();
        var spec = TaskMapping.ToSpec(Request(), new Caller("root", "root", Roles.Admin), BlobRef.Empty);
        var snapshot = new TaskSnapshot
        {
            TaskId = Id, Spec = spec, State = TaskState.TimedOut, Reason = Causes.TotalTimeout, CreatedAt = DateTimeOffset.UnixEpoch, MaxAttempts = 4,
            Attempts = [new(1, "n", DateTimeOffset.UnixEpoch, null, DateTimeOffset.UnixEpoch, Causes.ProgramFailed, 10, 0) { ExitCode = 75, MemoryPeakMb = 12, CpuMs = 340 }],
        };
        gateway.Grains.Add(Id, Stub<ITaskGrain>.New().On("GetSnapshot", _ => Task.FromResult<TaskSnapshot?>(snapshot)).Object);

        var status = await gateway.Master.GetTaskStatusAsync(new() { TaskId = Id }, TestGateway.With(gateway.Root));

        var asked = Request();
        asked.Retry.ExitCodes.Clear();
        asked.Retry.ExitCodes.AddRange([1, 75]);
        Assert.Equal((asked.Retry, 60, 600), (status.Retry, status.QueueDeadlineSeconds, status.TotalTimeoutSeconds));
        Assert.Equal((Wire.TaskState.TimedOut, Causes.TotalTimeout), (status.State, status.Reason));
        Assert.Contains("total timeout", status.ReasonText);
        var attempt = Assert.Single(status.Attempts);
        Assert.Equal((75, 12, 340), (attempt.ExitCode, attempt.MemoryPeakMb, attempt.CpuMs));
    }

    [Fact]
    public async Task SubmitTask_BadRetryAndDeadlines_AllAreNamedAtOnce()
    {
        await using var gateway = TestGateway.Start();
        var request = Request();
        request.Retry.ExitCodes.Add(0);
        request.Retry.MaxAttempts = 21;
        request.QueueDeadlineSeconds = -1;
        request.TotalTimeoutSeconds = TaskRules.MaxDeadlineSeconds + 1;

        var error = await TestGateway.Fails(gateway.Master.SubmitTaskAsync(request, TestGateway.With(gateway.Root)));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Equal(["queue_deadline_seconds", "total_timeout_seconds", "retry.exit_codes", "retry.max_attempts"],
            error.GetRpcStatus()!.GetDetail<BadRequest>().FieldViolations.Select(violation => violation.Field));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1500.2, 1501)]
    public void ToFrame_RunTimeout_IsInWholeMilliseconds(double ms, long expected) => Assert.Equal(expected, NodeMapping.ToFrame(new TaskAssignment(
        Id, 1, TaskMapping.ToSpec(Request(), new Caller("u", "u", Roles.User), BlobRef.Empty)) { RunTimeout = TimeSpan.FromMilliseconds(ms) }).Assign.RunTimeoutMs);

    [Theory]
    [InlineData("report.memory_peak_mb")]
    [InlineData("report.cpu_ms")]
    public void Report_UsageBelowZero_IsNamed(string field)
    {
        var report = new Wire.TaskReport { TaskId = Id, Attempt = 1, Kind = Wire.TaskReportKind.Ended, MemoryPeakMb = 1, CpuMs = 1 };
        Assert.Empty(ReportReader.Check(report, 4096));
        if (field == "report.cpu_ms") report.CpuMs = -1;
        else report.MemoryPeakMb = -1;
        Assert.Equal([field], ReportReader.Check(report, 4096).Select(problem => problem.Field));
    }

    private static Wire.SubmitTaskRequest Request() => new()
    {
        TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), RequestId = "1", QueueDeadlineSeconds = 60, TotalTimeoutSeconds = 600,
        Retry = new() { ExitCodes = { 75, 1, 75 }, AnyFailure = true, OnTimeout = true, NotOnLostNode = true, MaxAttempts = 4 },
    };
}
