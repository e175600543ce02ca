using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using HiveMind.Cli;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>One machine that anybody may use.</summary>
public sealed class InputPool() : SharedPool
{
    private WorkerProcess? _worker;

    public string Home { get; } = Directory.CreateTempSubdirectory("hivemind-input-pool-").FullName;
    public Login Ann { get; private set; } = null!;
    public Login Bob { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        (Ann, Bob) = (await Pool.NewUser("ann"), await Pool.NewUser("bob"));
        _worker = await Pool.StartWorker(Ann, "one", "--unsandboxed", "--cores", "2", "--memory", "1G", "--gpus", "0");
    }

    public override ValueTask DisposeAsync()
    {
        _worker?.Dispose();
        Directory.Delete(Home, recursive: true);
        return base.DisposeAsync();
    }
}

/// <summary>What a submitter gives a program beside its code, and taking many tasks back at once, through real processes.</summary>
public sealed class RunInputTests(InputPool shared) : IClassFixture<InputPool>
{
    [Fact]
    public async Task Submit_EnvironmentAndAFileAsStandardInput_ReachTheProgram()
    {
        var input = RandomNumberGenerator.GetBytes(300_000);
        var sha = await Upload(input);
        const string Code = "import hashlib,os,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),os.environ['A'],os.environ['_b'])";
        var task = (await shared.Pool.Master.SubmitTaskAsync(new()
        {
            TaskType = "python", TaskData = ByteString.CopyFromUtf8(Code), Environment = { ["A"] = "x=y z", ["_b"] = "ü" }, GraceSeconds = -1,
            StandardInputSha256 = sha, StandardInputSize = input.Length,
        }, shared.Ann.Metadata)).TaskId;
        await shared.Pool.WaitForEnd(task, shared.Ann);

        var result = await shared.Pool.Master.GetTaskResultAsync(new() { TaskId = task }, shared.Ann.Metadata);
        Assert.Equal($"{sha} x=y z ü\n", result.Result.ToStringUtf8());
        var status = await shared.Pool.Master.GetTaskStatusAsync(new() { TaskId = task }, shared.Ann.Metadata);
        Assert.Equal((true, 0, -1, input.Length), (status.HasExitCode, status.ExitCode, status.GraceSeconds, (int)status.StandardInputSize));
        Assert.Equal(("x=y z", ""), (status.Environment["A"], status.Requirements.Labels));
    }

    [Fact]
    public async Task CommandLine_VariablesAndAPipeAsStandardInput_ReachTheProgram()
    {
        var input = RandomNumberGenerator.GetBytes(400_000);
        const string Code = "import hashlib,os,sys;print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),os.environ['A'],os.environ['HM_HERE'])";
        using var submit = Cli(new() { ["HM_HERE"] = "from here" }, "submit", "-c", Code, "--env", "A=b c", "--env", "HM_HERE", "--stdin", "-", "--wait");
        await submit.Process.StandardInput.BaseStream.WriteAsync(input, TestContext.Current.CancellationToken);
        submit.Process.StandardInput.Close();
        Assert.True(await submit.Exited(TimeSpan.FromSeconds(60)) == 0, submit.Output);
        Assert.Contains($"{Convert.ToHexStringLower(SHA256.HashData(input))} b c from here", submit.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5s", "saved", "was sent SIGTERM")]
    [InlineData("0", "", "killed at once (SIGKILL): it was submitted with --grace 0")]
    public async Task CommandLine_Grace_IsWhatAProgramGetsAndWhatIsSaidOfIt(string grace, string printed, string says)
    {
        const string Code = """
            import signal, sys, time
            signal.signal(signal.SIGTERM, lambda *_: (print("saved", flush=True), sys.exit(0)))
            while True: time.sleep(0.1)
            """;
        using var submit = Cli([], "submit", "-c", Code, "--timeout", "1s", "--grace", grace, "--wait");
        Assert.Equal(1, await submit.Exited(TimeSpan.FromSeconds(60)));
        Assert.Equal(printed.Length > 0, submit.Output.Split('\n').Contains("saved"));
        Assert.Contains("RUN_TIMEOUT", submit.Output, StringComparison.Ordinal);
        Assert.Contains(says, submit.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("import os; os.kill(os.getpid(), 9)", "Ended by signal 9 (SIGKILL).")]
    [InlineData("import sys; sys.exit(137)", "Ended with exit code 137.")]
    [InlineData("import sys; sys.exit(255)", "Ended with exit code 255.")]
    [InlineData("raise ValueError('bad')", "PROGRAM_FAILED, exit code 1: ValueError: bad")]
    public async Task CommandLine_EndOfAProgram_IsToldTruly(string code, string says)
    {
        using var submit = Cli([], "submit", "-c", code, "--wait");
        Assert.Equal(1, await submit.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains(says, submit.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CommandLine_Cancel_TakesTheNamedOnesAndThoseOfAFilter()
    {
        var ids = await Waiting(shared.Ann, 30);
        using var named = Cli([], "cancel", ids[0], ids[1], new string('0', 32));
        Assert.Equal(1, await named.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains("2 cancelled, 1 not found among your tasks.", named.Output, StringComparison.Ordinal);
        using var filtered = Cli([], "cancel", "--state", "pending", "--type", "python", "--json");
        Assert.Equal(0, await filtered.Exited(TimeSpan.FromSeconds(60)));
        Assert.Contains($"{{\"cancelled\":true,\"tasks_cancelled\":{ids.Count - 2},\"tasks_ended_before\":0,\"tasks_not_found\":0,\"tasks_not_recorded\":0}}", filtered.Output, StringComparison.Ordinal);
        var left = await shared.Pool.Master.ListTasksAsync(new() { States = { TaskState.Pending } }, shared.Ann.Metadata);
        Assert.Empty(left.Tasks);
    }

    [Fact]
    public async Task Submit_StandardInputThatNobodyUploaded_NamesTheField()
    {
        var refusal = await Refusal.Of(shared.Pool.Master.SubmitTaskAsync(
            new() { TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), StandardInputSha256 = new string('a', 64), StandardInputSize = 70_000 }, shared.Ann.Metadata));
        Assert.Equal(StatusCode.FailedPrecondition, refusal.Code);
    }

    [Fact]
    public async Task CancelTasks_ManyThatWait_AreGoneInFewCallsAndOthersStay()
    {
        var kept = await Waiting(shared.Ann, 1);
        var ids = await Waiting(shared.Bob, 1300);

        var named = await shared.Pool.Master.CancelTasksAsync(new() { TaskIds = { ids[0], ids[1], kept[0], new string('0', 32), "no id" } }, shared.Bob.Metadata);
        Assert.Equal((2, 3, 0, 0), (named.Cancelled, named.NotFound, named.AlreadyEnded, named.Failed));

        var (cancelled, calls, request) = (0, 0, new CancelTasksRequest { States = { TaskState.Pending } });
        do
        {
            var answer = await shared.Pool.Master.CancelTasksAsync(request, shared.Bob.Metadata);
            Assert.Equal((0, 0), (answer.Failed, answer.NotFound));
            cancelled += answer.Cancelled;
            request.PageToken = answer.NextPageToken;
            calls++;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(ids.Count - 2, cancelled);
        Assert.InRange(calls, 2, 3);

        var left = await shared.Pool.Master.ListTasksAsync(new() { States = { TaskState.Pending } }, shared.Bob.Metadata);
        Assert.Empty(left.Tasks);
        Assert.Equal(TaskState.Pending, (await shared.Pool.Master.GetTaskStatusAsync(new() { TaskId = kept[0] }, shared.Ann.Metadata)).State);
        await shared.Pool.Master.CancelTasksAsync(new() { TaskIds = { kept } }, shared.Ann.Metadata);
    }

    [Fact]
    public async Task CancelTasks_NothingOrTwoWaysSaid_NamesTheField()
    {
        foreach (var request in new CancelTasksRequest[] { new(), new() { All = true, TaskType = "python" }, new() { All = true, TaskIds = { "x" } } })
        {
            var refusal = await Refusal.Of(shared.Pool.Master.CancelTasksAsync(request, shared.Ann.Metadata));
            Assert.Equal((StatusCode.InvalidArgument, "all"), (refusal.Code, refusal.Fields));
        }
    }

    /// <summary>A command of Ann's.</summary>
    private HivemindProcess Cli(Dictionary<string, string> variables, params string[] words)
    {
        var environment = new Dictionary<string, string>(variables) { ["XDG_CONFIG_HOME"] = shared.Home, ["HIVEMIND_HUB"] = shared.Pool.Address };
        new SessionFile(Path.Combine(shared.Home, "hivemind")).Write(new Uri(shared.Pool.Address), shared.Ann.Session());
        return HivemindProcess.Start(environment, words);
    }

    private async Task<List<string>> Waiting(Login user, int count)
    {
        using var call = shared.Pool.Master.SubmitTasks(user.Metadata);
        var ids = new List<string>();
        foreach (var batch in Enumerable.Range(0, count).Chunk(1000))
        {
            var message = new SubmitTasksRequest();
            message.Tasks.AddRange(batch.Select(_ => new SubmitTaskRequest
            {
                TaskType = "python", TaskData = ByteString.CopyFromUtf8("1"), Requirements = new() { Labels = "zone = nowhere", TimeoutSeconds = 1, CpuCores = 0.01 },
            }));
            await call.RequestStream.WriteAsync(message);
            Assert.True(await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken));
            Assert.All(call.ResponseStream.Current.Results, one => Assert.True(one.Code == 0, one.Message));
            ids.AddRange(call.ResponseStream.Current.Results.Select(one => one.TaskId));
        }

        await call.RequestStream.CompleteAsync();
        return ids;
    }

    private async Task<string> Upload(byte[] bytes)
    {
        var sha = Convert.ToHexStringLower(SHA256.HashData(bytes));
        using var call = shared.Pool.Master.UploadPayload(shared.Ann.Metadata);
        await call.RequestStream.WriteAsync(new() { Header = new() { Size = bytes.Length, Sha256 = sha } });
        foreach (var chunk in bytes.Chunk(64 * 1024)) await call.RequestStream.WriteAsync(new() { Data = ByteString.CopyFrom(chunk) });
        await call.RequestStream.CompleteAsync();
        return (await call).Sha256;
    }
}
