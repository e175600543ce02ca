using Google.Protobuf;
using Grpc.Core;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>One machine of two cores that anybody may use, as much as it has room for from its first task on.</summary>
public sealed class ExplainPool() : SharedPool(
    "Tasks:AllowNoop=true", "Nodes:SlowStart=0", "Scheduling:Roles:user:MaxRunning=3", "Scheduling:Roles:user:MaxCores=2")
{
    private readonly List<WorkerProcess> _workers = [];

    public Login Lender { get; private set; } = null!;
    public ExplainTaskResponse BeforeAnyMachine { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Lender = await Pool.NewUser("lender");
        var early = await Submit(Lender, new() { CpuCores = 0.1 });
        BeforeAnyMachine = await Why(early, Lender, "NO_NODES");
        await Lend("open", "--allow-noop", "--unsandboxed", "--cores", "2", "--memory", "2G", "--gpus", "0", "--label", "zone=a");
        await Pool.WaitForEnd(early, Lender);
    }

    public override ValueTask DisposeAsync()
    {
        foreach (var worker in _workers) worker.Dispose();
        return base.DisposeAsync();
    }

    public async Task Lend(string nodeId, params string[] options)
    {
        _workers.Add(await Pool.StartWorker(Lender, nodeId, options));
        await Wait.Until(
            async () => (await Pool.Nodes.GetNodeInfoAsync(new() { NodeId = nodeId }, Lender.Metadata)).Node.Connected,
            TimeSpan.FromSeconds(60), () => $"{nodeId} is not connected:\n{_workers[^1].Output}");
    }

    /// <summary>A noop of so many milliseconds.</summary>
    public async Task<string> Submit(Login user, TaskRequirements requirements, int ms = 1, string type = "noop", TaskRetry? retry = null) =>
        (await Pool.Master.SubmitTaskAsync(
            new() { TaskType = type, TaskData = ByteString.CopyFromUtf8(type == "python" ? "raise SystemExit(1)" : $"{ms}"), Requirements = requirements, Retry = retry },
            user.Metadata)).TaskId;

    /// <summary>What ExplainTask says, once it says that.</summary>
    public async Task<ExplainTaskResponse> Why(string taskId, Login user, string reason)
    {
        ExplainTaskResponse? said = null;
        await Wait.Until(
            async () => (said = await Pool.Master.ExplainTaskAsync(new() { TaskId = taskId }, user.Metadata)).Reason == reason,
            TimeSpan.FromSeconds(60), () => $"waited for {reason}; it says {said}\n{Pool.Output}");
        return said!;
    }

    public async Task Runs(string taskId, Login user) => await Pool.WaitFor(taskId, user, task => task.State == TaskState.Running);

    public async Task Cancel(Login user, params string[] tasks)
    {
        foreach (var task in tasks)
        {
            await Pool.Master.CancelTaskAsync(new() { TaskId = task }, user.Metadata);
            await Pool.WaitForEnd(task, user);
        }
    }
}

/// <summary>"Why is my task waiting?" through gRPC: each answer a user can get, from the situation that brings it about.</summary>
public sealed class ExplainTaskTests(ExplainPool pool) : IClassFixture<ExplainPool>
{
    private const int Long = 600_000;

    [Fact]
    public void ExplainTask_NoMachine_SaysHowToStartOne()
    {
        Assert.Equal((WaitKind.Infeasible, TaskState.Pending), (pool.BeforeAnyMachine.Kind, pool.BeforeAnyMachine.State));
        Assert.Contains("hivemind worker", pool.BeforeAnyMachine.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("docker", 0.1, 0, "", "INFEASIBLE_TYPE", "runs tasks of type 'docker'; they run 'noop'", "does not run tasks of type 'docker'")]
    [InlineData("noop", 0.1, 0, "zone = b", "INFEASIBLE_LABELS", "has the labels it asks for: zone = b", "zone")]
    [InlineData("noop", 0.1, 1, "", "INFEASIBLE_GPU", "needs a GPU and no connected node that may run it has one", "lends 0 GPUs, the task asks for 1 GPUs")]
    [InlineData("noop", 64, 0, "", "INFEASIBLE_SIZE", "asks for 64 cores", "lends 2 cores, the task asks for 64 cores")]
    public async Task ExplainTask_WhatNoMachineHas_NamesItAndTheNearestMachine(
        string type, double cores, int gpus, string labels, string reason, string text, string lacks)
    {
        var user = await pool.Pool.NewUser($"u{reason.ToLowerInvariant()}");
        var task = await pool.Submit(user, new() { CpuCores = cores, GpuCount = gpus, GpuRequired = gpus > 0, Labels = labels }, type: type);
        var why = await pool.Why(task, user, reason);
        Assert.Equal((WaitKind.Infeasible, "open"), (why.Kind, why.NearestNode));
        Assert.Contains(text, why.Text, StringComparison.Ordinal);
        Assert.Contains(lacks, string.Join(' ', why.Lacks), StringComparison.Ordinal);
        Assert.Equal(reason, (await pool.Pool.Status(task, user)).Reason);
        await pool.Cancel(user, task);
    }

    [Fact]
    public async Task ExplainTask_OnlyItsOwnersMachineRunsIt_SaysSo()
    {
        var (owner, user) = (await pool.Pool.NewUser("owner"), await pool.Pool.NewUser("stranger"));
        var offers = new NodeCapabilities { CpuCores = 1, MemoryMb = 1024, SupportedTasks = { "ml_inference" } }; // neither sandboxed nor told to take strangers'
        var node = await pool.Pool.Nodes.RegisterNodeAsync(new() { NodeId = "private", Hostname = "private", Capabilities = offers }, owner.Metadata);
        using var stream = pool.Pool.Nodes.Work(PoolProcess.Bearer(node.NodeToken));
        await stream.RequestStream.WriteAsync(new() { Hello = new() { Capabilities = offers } });
        Assert.True(await stream.ResponseStream.MoveNext(CancellationToken.None));
        var task = await pool.Submit(user, new() { CpuCores = 0.1 }, type: "ml_inference");
        var why = await pool.Why(task, user, "INFEASIBLE_OWNER");
        Assert.Equal((WaitKind.Infeasible, "private", "It takes only its owner's tasks."), (why.Kind, why.NearestNode, Assert.Single(why.Lacks)));
        await pool.Cancel(user, task);
    }

    [Fact]
    public async Task ExplainTask_MachineIsFull_SaysWhatGoesBeforeAndWhenItMayStart()
    {
        var (busy, user) = (await pool.Pool.NewUser("busy"), await pool.Pool.NewUser("patient"));
        var filler = await pool.Submit(busy, new() { CpuCores = 2 }, Long);
        await pool.Runs(filler, busy);
        var tasks = new List<string>();
        for (var i = 0; i < 3; i++) tasks.Add(await pool.Submit(user, new() { CpuCores = 1 }, Long));
        var why = await pool.Why(tasks[2], user, "WAITING_CAPACITY");
        Assert.Equal((WaitKind.Waiting, 2, 0), (why.Kind, why.OwnAhead, why.AccountsAhead));
        Assert.Contains("2 tasks of the same account go before it", why.Text, StringComparison.Ordinal);
        Assert.NotEmpty(why.ExpectedStart);
        Assert.Contains("a minute lately", why.Basis, StringComparison.Ordinal);
        await pool.Cancel(user, [.. tasks]);
        await pool.Cancel(busy, filler);
    }

    [Fact]
    public async Task ExplainTask_MachineIsKeptForALargeTask_SaysForWhichAndByWhen()
    {
        var (busy, user) = (await pool.Pool.NewUser("half"), await pool.Pool.NewUser("large"));
        var half = await pool.Submit(busy, new() { CpuCores = 1, TimeoutSeconds = 3600 }, Long);
        await pool.Runs(half, busy);
        var large = await pool.Submit(user, new() { CpuCores = 2 }, Long);
        var small = await pool.Submit(user, new() { CpuCores = 1, TimeoutSeconds = 7200 }, Long);
        var why = await pool.Why(large, user, "WAITING_RESERVATION");
        Assert.Equal(("open", large, WaitKind.Waiting), (why.ReservedNode, why.ReservedFor, why.Kind));
        Assert.NotEmpty(why.ReservedBy);
        Assert.Equal(why.ReservedBy, why.ExpectedStart);

        var passed = await pool.Why(small, user, "WAITING_CAPACITY");
        Assert.Equal(("open", large), (passed.ReservedNode, passed.ReservedFor));
        Assert.Contains("kept for a larger task that was here first", passed.Text, StringComparison.Ordinal);
        await pool.Cancel(busy, half);
        await pool.Runs(large, user);
        await pool.Cancel(user, large, small);
    }

    [Fact]
    public async Task ExplainTask_RoleRunsAllItMay_IsHeldAndSaysSo()
    {
        var user = await pool.Pool.NewUser("many");
        var tasks = new List<string>();
        for (var i = 0; i < 4; i++) tasks.Add(await pool.Submit(user, new() { CpuCores = 0.1 }, Long));
        for (var i = 0; i < 3; i++) await pool.Runs(tasks[i], user);
        var why = await pool.Why(tasks[3], user, "HELD_QUOTA_RUNNING");
        Assert.Equal(WaitKind.Held, why.Kind);
        Assert.Contains("3 tasks of this account run, which is all that its role may run at once", why.Text, StringComparison.Ordinal);
        await pool.Cancel(user, [.. tasks]);
    }

    [Fact]
    public async Task ExplainTask_RoleHoldsAllCoresItMay_IsHeldAndSaysSo()
    {
        var user = await pool.Pool.NewUser("wide");
        var first = await pool.Submit(user, new() { CpuCores = 1.5 }, Long);
        await pool.Runs(first, user);
        var second = await pool.Submit(user, new() { CpuCores = 1 }, Long);
        var why = await pool.Why(second, user, "HELD_QUOTA_CORES");
        Assert.Contains("hold 1.5 of the 2 cores that its role may hold", why.Text, StringComparison.Ordinal);
        await pool.Cancel(user, second, first);
    }

    [Fact]
    public async Task ExplainTask_BetweenTwoAttempts_SaysUntilWhen()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        var user = await pool.Pool.NewUser("failing");
        var task = await pool.Submit(user, new() { CpuCores = 0.1 }, type: "python", retry: new() { AnyFailure = true });
        var why = await pool.Why(task, user, "HELD_BACKOFF"); // the pauses grow: 1, 2, 4, 8 s and less
        Assert.Equal(WaitKind.Held, why.Kind);
        Assert.NotEmpty(why.HeldUntil);
        await pool.Cancel(user, task);
    }

    [Fact]
    public async Task ExplainTask_EveryMachineIsCordoned_SaysWhichAndByWhomButNotInTheirWords()
    {
        var user = await pool.Pool.NewUser("hopeful");
        await pool.Pool.Nodes.CordonNodeAsync(new() { NodeId = "open", Reason = "new disk" }, pool.Lender.Metadata);
        var task = await pool.Submit(user, new() { CpuCores = 0.1, Labels = "zone = a" });
        ExplainTaskResponse? why = null;
        await Wait.Until(
            async () => (why = await pool.Pool.Master.ExplainTaskAsync(new() { TaskId = task }, user.Metadata)).Kind == WaitKind.Infeasible,
            TimeSpan.FromSeconds(60), () => $"{why}");
        Assert.Contains("put it aside", $"{why!.Text} {string.Join(' ', why.Lacks)}", StringComparison.Ordinal);
        Assert.DoesNotContain("new disk", $"{why}", StringComparison.Ordinal); // an owner's words are not for strangers
        await pool.Pool.Nodes.UncordonNodeAsync(new() { NodeId = "open" }, pool.Lender.Metadata);
        Assert.Equal(TaskState.Completed, (await pool.Pool.WaitForEnd(task, user)).State);
    }

    [Fact]
    public async Task ExplainTask_RunsOrHasEnded_SaysThatItDoesNotWait()
    {
        var user = await pool.Pool.NewUser("done");
        var task = await pool.Submit(user, new() { CpuCores = 0.1 }, Long);
        await pool.Runs(task, user);
        Assert.Contains("node 'open' has it", (await pool.Why(task, user, "RUNNING")).Text, StringComparison.Ordinal);
        await pool.Cancel(user, task);
        Assert.Equal(WaitKind.Unspecified, (await pool.Why(task, user, "CANCELLED")).Kind);
    }

    [Fact]
    public async Task ExplainTask_AnothersTask_IsNotFound()
    {
        var (one, other) = (await pool.Pool.NewUser("mine"), await pool.Pool.NewUser("yours"));
        var task = await pool.Submit(one, new() { CpuCores = 0.1 });
        Assert.Equal(StatusCode.NotFound, (await Refusal.Of(pool.Pool.Master.ExplainTaskAsync(new() { TaskId = task }, other.Metadata))).Code);
    }
}
