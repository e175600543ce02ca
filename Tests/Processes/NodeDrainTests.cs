using Google.Protobuf;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>A machine taken out of service and back, as its owner types it.</summary>
public sealed class NodeDrainTests : IDisposable
{
    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-drain-").FullName;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    [Fact]
    public async Task Drain_WhileATaskRuns_WaitsForItAndNothingComesUntilUncordon_AlsoAfterARestart()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed");
        // The worker's patience with an absent hub is longer than a restart takes here.
        using var pool = await new PoolProcess("Nodes:HeartbeatTimeout=00:00:20", "Tasks:LeaseDuration=00:00:25").Start();
        var owner = await pool.NewUser("owner");
        var work = Path.Combine(pool.DataDirectory, "work");
        using var worker = await pool.StartWorker(owner, "n1", "--unsandboxed", "--work-directory", work);
        var running = await Submit(pool, owner, """
            import os, time
            while not os.path.exists(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'gate')): time.sleep(0.02)
            """);
        await pool.WaitFor(running, owner, status => status.State == TaskState.Running);
        using var login = Hivemind(pool, "login", "owner", "--password-stdin");
        await Succeeds(login);

        using var drain = Hivemind(pool, "node-drain", "n1", "--deadline", "10m", "--reason", "new memory", "--wait");
        await Wait.Until(() => drain.Output.Contains("1 task runs there", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => drain.Output);
        var waiting = await Submit(pool, owner, "print(1)");
        Assert.False(drain.Process.HasExited);
        await File.WriteAllTextAsync(Path.Combine(Path.GetDirectoryName(Directory.EnumerateFiles(work, "main.py", SearchOption.AllDirectories).Single())!, "gate"), "");

        await Succeeds(drain);
        Assert.Contains("Node n1 is empty and given nothing new", drain.Output, StringComparison.Ordinal);
        Assert.Contains("node-uncordon n1", drain.Output, StringComparison.Ordinal);
        Assert.Equal((TaskState.Completed, 1), ((await pool.Status(running, owner)).State, (await pool.Status(running, owner)).Attempt));
        await pool.Kill();
        await pool.Start();
        await Wait.Until(async () => await Connected(pool, owner), TimeSpan.FromSeconds(60), () => $"the worker is not back\n{worker.Output}");
        using var nodes = Hivemind(pool, "nodes");
        await Succeeds(nodes);
        Assert.Contains("online, draining", nodes.Output, StringComparison.Ordinal);
        Assert.Contains("n1: new memory", nodes.Output, StringComparison.Ordinal);
        Assert.Equal((TaskState.Pending, 0), ((await pool.Status(waiting, owner)).State, (await pool.Status(waiting, owner)).Attempt));

        using var uncordon = Hivemind(pool, "node-uncordon", "n1");
        await Succeeds(uncordon);
        Assert.Equal(TaskState.Completed, (await pool.WaitForEnd(waiting, owner)).State);
    }

    private static async Task<string> Submit(PoolProcess pool, Login user, string code) => (await pool.Master.SubmitTaskAsync(new()
    {
        TaskType = "python", TaskData = ByteString.CopyFromUtf8(code),
        Requirements = new() { CpuCores = 1, MemoryMb = 128, TimeoutSeconds = 120 },
    }, user.Metadata)).TaskId;

    private static async Task<bool> Connected(PoolProcess pool, Login owner) =>
        (await pool.Nodes.GetNodeInfoAsync(new() { NodeId = "n1" }, owner.Metadata)).Node.Connected;

    private static async Task Succeeds(HivemindProcess command)
    {
        await Wait.Until(() => command.Process.HasExited, TimeSpan.FromSeconds(60), () => $"it goes on:\n{command.Output}");
        Assert.True(await command.Exited(TimeSpan.FromSeconds(10)) == 0, command.Output); // and what it printed is all here
    }

    private HivemindProcess Hivemind(PoolProcess pool, params string[] words)
    {
        var environment = new Dictionary<string, string>
        {
            ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = _home, ["HIVEMIND_HUB"] = pool.Address,
        };
        var process = HivemindProcess.Start(environment, words);
        if (words.Contains("--password-stdin")) process.Process.StandardInput.WriteLine("correct horse battery");
        return process;
    }
}
