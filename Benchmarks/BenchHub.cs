using System.Diagnostics;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Benchmarks;

/// <summary>A hub and its workers as real processes in a folder of their own, ended and removed with the scenario.</summary>
internal abstract class BenchHub : IDisposable
{
    protected const string Password = "correct horse battery";
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "hivemind.dll");
    private readonly List<Process> _processes = [];
    private BenchRedis? _redis;

    protected string Folder { get; } = Directory.CreateTempSubdirectory("hivemind-figures-").FullName;
    protected string DataDirectory => Path.Combine(Folder, "hub");
    /// <summary>Of the silo that was started last.</summary>
    protected string HttpAddress { get; private set; } = "";

    /// <summary>The settings of that store: nothing is the embedded state store, `redis` one of the scenario's own, else its address.</summary>
    protected async Task<string[]> Store(string? redis)
    {
        if (redis == BenchRedis.Own) redis = (_redis = await BenchRedis.Start()).ConnectionString;
        return redis is null ? [] : [$"--HiveMind:Redis:ConnectionString={redis}"];
    }

    protected BenchRedis? OwnRedis => _redis;

    /// <summary>A silo that takes noop tasks and as many calls as come, ready, and where it listens.</summary>
    protected async Task<(Process Silo, string Address)> StartSilo(params string[] settings)
    {
        var silo = Start([
            "silo", "--HiveMind:Grpc:Port=0", "--HiveMind:Http:Port=0", $"--HiveMind:DataDirectory={DataDirectory}",
            "--HiveMind:Tasks:AllowNoop=true", "--HiveMind:RateLimit:RequestsPerSecond=1000000", "--HiveMind:RateLimit:Burst=1000000",
            "--HiveMind:Rewards:StartingCredits=1000000000", "--HiveMind:Scheduling:Roles:user:MaxOpen=0", "--HiveMind:Scheduling:Roles:user:MaxUrgent=0", .. settings,
        ]);
        return (silo, await AddressOf(silo));
    }

    protected static async Task<(string UserId, Metadata Metadata)> NewUser(GrpcChannel channel, string name, string adminCode = "")
    {
        var users = new UserService.UserServiceClient(channel);
        await users.RegisterUserAsync(new() { Username = name, Password = Password, Email = $"{name}@example.org", AdminCode = adminCode });
        var login = await users.LoginUserAsync(new() { Username = name, Password = Password });
        return (login.UserId, new Metadata { { "authorization", $"Bearer {login.SessionToken}" } });
    }

    protected async Task<Process> StartWorker(GrpcChannel channel, Metadata me, string address, int number)
    {
        var node = $"bench-{number}";
        var nodes = new NodeManagerService.NodeManagerServiceClient(channel);
        var registered = await nodes.RegisterNodeAsync(new() { NodeId = node, Hostname = "bench", Capabilities = new() { CpuCores = 1, MemoryMb = 256 } }, me);
        var token = Path.Combine(Folder, $"{node}.token");
        await File.WriteAllTextAsync(token, registered.NodeToken);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(token, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var worker = StartWorkerAgain(address, number);
        while ((await nodes.GetNodeInfoAsync(new() { NodeId = node }, me)).Node.Status != "online") await Task.Delay(20);
        return worker;
    }

    /// <summary>A worker of a node that is registered.</summary>
    protected Process StartWorkerAgain(string address, int number)
    {
        var node = $"bench-{number}";
        var worker = Start("worker", "--hub", address, "--node-id", node, "--token-file", Path.Combine(Folder, $"{node}.token"), "--allow-noop", "--unsandboxed");
        _ = worker.StandardOutput.ReadToEndAsync();
        return worker;
    }

    /// <summary>The command line in a process of its own; what it says on standard error is thrown away.</summary>
    protected Process Start(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment["XDG_DATA_HOME"] = start.Environment["XDG_CONFIG_HOME"] = start.Environment["XDG_STATE_HOME"] = Folder;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { }; // read, so that nobody waits for room in the pipe
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }

    private async Task<string> AddressOf(Process silo)
    {
        var address = "";
        while (await silo.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["gRPC", var at, ..]) address = at;
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["page", var page, ..]) HttpAddress = page.TrimEnd('/');
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
        _redis?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}
