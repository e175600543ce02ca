using System.Diagnostics;
using Google.Protobuf;
using HiveMind.Protos;
using HiveMind.Workers;

namespace HiveMind.Tests.Processes;

/// <summary>Several starts of one worker, on one machine and on two; and what ends one in order.</summary>
public sealed class WorkerStartTests : IDisposable
{
    private readonly string _here = Directory.CreateTempSubdirectory("hivemind-worker-").FullName, _there = Directory.CreateTempSubdirectory("hivemind-worker-").FullName;

    public void Dispose()
    {
        Directory.Delete(_here, recursive: true);
        Directory.Delete(_there, recursive: true);
    }

    [Fact]
    public async Task ASecondWithTheSameToken_EndsWith5AndTheFirstsRunGoesOn()
    {
        using var pool = await new PoolProcess("Tasks:AllowNoop=true").Start();
        var owner = await pool.NewUser("owner");
        var token = await Register(pool, owner);
        using var first = Worker(pool, token, _here);
        var task = await Submit(pool, owner, 8000);
        await pool.WaitFor(task, owner, status => status.State == TaskState.Running);
        using var twin = Worker(pool, token, _there);
        Assert.Equal(WorkerExit.AlreadyRunning, await twin.Exited(TimeSpan.FromSeconds(30)));
        Assert.Contains("cloned image", twin.Output, StringComparison.Ordinal);
        var ended = await pool.WaitForEnd(task, owner);
        Assert.Equal(("completed", 1), (ended.Status, ended.Attempt));
        Assert.False(first.Process.HasExited);
    }

    [Fact]
    public async Task KilledAndStartedAgainOnItsMachine_IsBackAtOnce_OnAnotherAfterSomeSilence()
    {
        using var pool = await new PoolProcess("Nodes:HeartbeatInterval=00:00:03", "Nodes:HeartbeatTimeout=00:00:15", "Tasks:LeaseDuration=00:00:20").Start();
        var owner = await pool.NewUser("owner");
        var token = await Register(pool, owner);
        using var first = Worker(pool, token, _here);
        await Connected(first);
        await first.Kill();
        using var next = Worker(pool, token, _here);
        await Connected(next);
        Assert.DoesNotContain("No connection", next.Output, StringComparison.Ordinal);
        await next.Kill();
        var killed = Stopwatch.GetTimestamp();
        using var other = Worker(pool, token, _there);
        await Connected(other);
        // Silence is two heartbeats and two seconds, counted from the last heartbeat, which may be one old. On a slow machine it is over before the start has asked.
        Assert.InRange(Stopwatch.GetElapsedTime(killed), TimeSpan.FromSeconds(4.5), TimeSpan.MaxValue);
        Assert.False(other.Process.HasExited);
    }

    [Fact]
    public async Task StoppedInOrder_AnotherMachineIsLetInAtOnce()
    {
        using var pool = await new PoolProcess("Nodes:HeartbeatInterval=00:00:01", "Nodes:HeartbeatTimeout=00:00:10", "Tasks:LeaseDuration=00:00:15").Start();
        var owner = await pool.NewUser("owner");
        var token = await Register(pool, owner);
        using var first = Worker(pool, token, _here);
        await Connected(first);
        first.Signal("TERM");
        Assert.Equal(0, await first.Exited(TimeSpan.FromSeconds(20)));
        using var next = Worker(pool, token, _there);
        await Connected(next);
        Assert.DoesNotContain("No connection", next.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    [InlineData("TERM")]
    public async Task Worker_ASignalThatEndsIt_HandsBackWhatRuns(string signal)
    {
        using var pool = await new PoolProcess("Tasks:AllowNoop=true").Start();
        var owner = await pool.NewUser("owner");
        using var worker = Worker(pool, await Register(pool, owner), _here);
        var task = await Submit(pool, owner, 60_000);
        await pool.WaitFor(task, owner, status => status.State == TaskState.Running);
        worker.Signal(signal);
        Assert.Equal(0, await worker.Exited(TimeSpan.FromSeconds(20)));
        Assert.Contains("Stopping", worker.Output, StringComparison.Ordinal);
        var status = await pool.Status(task, owner);
        Assert.Equal("WORKER_FAULT", status.Attempts[0].Cause);
    }

    [Fact]
    public async Task Worker_HangupUnderNohup_IsIgnored()
    {
        using var pool = await new PoolProcess().Start();
        var owner = await pool.NewUser("owner");
        using var worker = HivemindProcess.StartIgnoringHangup(Home(_here), Words(pool, await Register(pool, owner), _here));
        await Connected(worker);
        worker.Signal("HUP");
        worker.Signal("TERM");
        Assert.Equal(0, await worker.Exited(TimeSpan.FromSeconds(20)));
        Assert.DoesNotContain("Hangup", worker.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    public async Task Up_ASignalThatEndsIt_EndsBothInOrder(string signal)
    {
        using var up = HivemindProcess.Start(Home(_here), "up", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0");
        await Connected(up);
        up.Signal(signal);
        Assert.Equal(0, await up.Exited(TimeSpan.FromSeconds(40)));
        Assert.Contains("Stopping.", up.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    public async Task Silo_ASignalThatEndsIt_IsAStopInOrder(string signal)
    {
        using var pool = await new PoolProcess().Start();
        using var kill = System.Diagnostics.Process.Start("kill", [$"-{signal}", $"{pool.Process.Id}"]);
        Assert.Equal(0, await pool.Exited(TimeSpan.FromSeconds(40)));
    }

    /// <summary>Nothing listens at the discard port: a hub that was looked for there would not be found.</summary>
    [Fact]
    public async Task Worker_AProxyInTheEnvironment_IsNotUsed_AndOfTwoAddressesTheOneThatAnswersIs()
    {
        using var pool = await new PoolProcess().Start();
        var owner = await pool.NewUser("owner");
        var token = await Register(pool, owner);
        var environment = Home(_here);
        foreach (var name in new[] { "http_proxy", "HTTPS_PROXY", "ALL_PROXY" }) environment[name] = "http://127.0.0.1:9";
        using var worker = HivemindProcess.Start(environment, ["worker", "--hub", "http://127.0.0.1:9", .. Words(pool, token, _here)[1..]]);
        await Connected(worker);
    }

    private static Task Connected(HivemindProcess worker) =>
        Wait.Until(() => worker.Output.Contains("Connected as node", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => worker.Output);

    private static async Task<string> Register(PoolProcess pool, Login owner) => (await pool.Nodes.RegisterNodeAsync(
        new() { NodeId = "a", Hostname = "test", Capabilities = new() { CpuCores = 4, MemoryMb = 4096 } }, owner.Metadata)).NodeToken;

    private static async Task<string> Submit(PoolProcess pool, Login owner, int ms) => (await pool.Master.SubmitTaskAsync(new()
    {
        TaskType = "noop", TaskData = ByteString.CopyFromUtf8($"{ms}"), Requirements = new() { CpuCores = 1, MemoryMb = 64, TimeoutSeconds = 120 },
    }, owner.Metadata)).TaskId;

    private static HivemindProcess Worker(PoolProcess pool, string token, string folder) => HivemindProcess.Start(Home(folder), Words(pool, token, folder));

    private static string[] Words(PoolProcess pool, string token, string folder)
    {
        var file = Path.Combine(folder, "token");
        File.WriteAllText(file, token);
        return ["worker", "--hub", pool.Address, "--node-id", "a", "--token-file", file, "--allow-noop"];
    }

    private static Dictionary<string, string> Home(string folder) => new()
    {
        ["XDG_CONFIG_HOME"] = folder, ["XDG_DATA_HOME"] = folder, ["XDG_STATE_HOME"] = folder, ["HIVEMIND_HUB"] = "",
    };
}
