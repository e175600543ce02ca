using System.Diagnostics;
using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>A whole pool of real processes: start-up, idle memory, submit to result when idle, tasks per second when not.</summary>
internal sealed class PoolFigures(string? redis, int workers, int tasks, int senders) : IDisposable
{
    private const string Password = "correct horse battery";
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "hivemind.dll");
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-figures-").FullName;
    private readonly List<Process> _processes = [];

    public static async Task<int> Run(string? redis, int workers, int tasks, int senders)
    {
        using var pool = new PoolFigures(redis, workers, tasks, senders);
        await pool.Measure();
        return 0;
    }

    private async Task Measure()
    {
        string[] store = redis is null ? [] : [$"--HiveMind:Redis:ConnectionString={redis}"];
        var began = Stopwatch.GetTimestamp();
        var silo = Start([
            "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={Path.Combine(_directory, "hub")}",
            "--HiveMind:Tasks:AllowNoop=true", "--HiveMind:RateLimit:RequestsPerSecond=1000000", "--HiveMind:RateLimit:Burst=1000000", .. store,
        ]);
        var address = await AddressOf(silo);
        Console.WriteLine($"ready after {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s");
        await Task.Delay(TimeSpan.FromSeconds(10));
        silo.Refresh();
        Console.WriteLine($"idle after 10 s: {silo.WorkingSet64 / 1_000_000} MB resident");

        using var channel = GrpcChannel.ForAddress(address);
        var users = new UserService.UserServiceClient(channel);
        await users.RegisterUserAsync(new() { Username = "bench", Password = Password, Email = "bench@example.org" });
        var login = await users.LoginUserAsync(new() { Username = "bench", Password = Password });
        var me = new Metadata { { "authorization", $"Bearer {login.SessionToken}" } };
        var hub = new MasterNodeService.MasterNodeServiceClient(channel);

        await StartWorker(channel, me, address, 0);
        await SubmitToResult(hub, me, "noop", "0"); // the first of each meets cold code
        await SubmitToResult(hub, me, "python", "print(1)");
        Console.WriteLine($"submit to result, noop: {await Median(() => SubmitToResult(hub, me, "noop", "0"))}");
        Console.WriteLine($"submit to result, python: {await Median(() => SubmitToResult(hub, me, "python", "print(1)"))}");

        for (var worker = 1; worker < workers; worker++) await StartWorker(channel, me, address, worker);
        for (var round = 1; round <= 3; round++)
        {
            var (submitted, ended) = await Churn(hub, me, round);
            Console.WriteLine($"round {round}: {tasks} noop tasks, {workers} workers, {senders} senders: "
                + $"{tasks / submitted.TotalSeconds:F0}/s acknowledged, {tasks / ended.TotalSeconds:F0}/s end to end");
        }
        silo.Refresh();
        Console.WriteLine($"afterwards: {silo.WorkingSet64 / 1_000_000} MB resident, {silo.TotalProcessorTime.TotalSeconds:F0} s of processor time");
    }

    private async Task<(TimeSpan Submitted, TimeSpan Ended)> Churn(MasterNodeService.MasterNodeServiceClient hub, Metadata me, int round)
    {
        var before = (await hub.GetSystemStatsAsync(new(), me)).CompletedTasks24H;
        var began = Stopwatch.GetTimestamp();
        var next = -1;
        await Task.WhenAll(Enumerable.Range(0, senders).Select(async _ =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < tasks;) await hub.SubmitTaskAsync(Request("noop", "0", $"{round}-{i}"), me);
        }));
        var submitted = Stopwatch.GetElapsedTime(began);
        while ((await hub.GetSystemStatsAsync(new(), me)).CompletedTasks24H < before + tasks) await Task.Delay(250);
        return (submitted, Stopwatch.GetElapsedTime(began));
    }

    private static async Task<TimeSpan> SubmitToResult(MasterNodeService.MasterNodeServiceClient hub, Metadata me, string type, string program)
    {
        var began = Stopwatch.GetTimestamp();
        var id = (await hub.SubmitTaskAsync(Request(type, program, ""), me)).TaskId;
        while ((await hub.GetTaskStatusAsync(new() { TaskId = id }, me)).Status != "completed") await Task.Delay(1);
        await hub.GetTaskResultAsync(new() { TaskId = id }, me);
        return Stopwatch.GetElapsedTime(began);
    }

    private static SubmitTaskRequest Request(string type, string program, string requestId) => new()
    {
        TaskType = type, TaskData = ByteString.CopyFromUtf8(program), RequestId = requestId, Requirements = new() { CpuCores = 0.02, MemoryMb = 16 },
    };

    private static async Task<string> Median(Func<Task<TimeSpan>> run)
    {
        var took = new List<double>();
        for (var i = 0; i < 20; i++) took.Add((await run()).TotalMilliseconds);
        took.Sort();
        return $"median of 20 {(took[9] + took[10]) / 2:F0} ms, slowest {took[^1]:F0} ms";
    }

    private async Task StartWorker(GrpcChannel channel, Metadata me, string address, int number)
    {
        var node = $"bench-{number}";
        var nodes = new NodeManagerService.NodeManagerServiceClient(channel);
        var registered = await nodes.RegisterNodeAsync(new() { NodeId = node, Hostname = "bench", Capabilities = new() { CpuCores = 1, MemoryMb = 256 } }, me);
        var token = Path.Combine(_directory, $"{node}.token");
        await File.WriteAllTextAsync(token, registered.NodeToken);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(token, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Start(["worker", "--hub", address, "--node-id", node, "--token-file", token, "--allow-noop", "--unsandboxed"]);
        while ((await nodes.GetNodeInfoAsync(new() { NodeId = node }, me)).Node.Status != "online") await Task.Delay(20);
    }

    private Process Start(string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["XDG_DATA_HOME"] = start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_STATE_HOME"] = _directory;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { }; // read, so that nobody waits for room in the pipe
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }

    private static async Task<string> AddressOf(Process silo)
    {
        var address = "";
        while (await silo.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["gRPC", var at, ..]) address = at;
            if (line.Contains("Next:", StringComparison.Ordinal)) break;
        }
        _ = silo.StandardOutput.ReadToEndAsync();
        return address.Length > 0 ? address : throw new InvalidOperationException("the silo did not start");
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            if (!process.HasExited) process.Kill();
            process.Dispose();
        }
        Directory.Delete(_directory, recursive: true);
    }
}
