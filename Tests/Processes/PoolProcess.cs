using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Grpc.Core;
using Grpc.Net.Client;
using HiveMind.Protos;

namespace HiveMind.Tests.Processes;

/// <summary>A real process of this build's `hivemind`, killed with its test.</summary>
public sealed class HivemindProcess : IDisposable
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "hivemind.dll");
    /// <summary>`dotnet`, also where PATH does not lead to it.</summary>
    private static readonly string Host = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private HivemindProcess(Process process) => Process = process;

    public Process Process { get; }
    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    public static HivemindProcess Start(IReadOnlyDictionary<string, string>? environment, params string[] arguments) =>
        Start(environment, ["dotnet"], arguments);

    /// <summary>As from a shell with that umask.</summary>
    public static HivemindProcess StartUnder(string umask, params string[] arguments) =>
        Start(null, ["sh", "-c", $"umask {umask}; exec dotnet \"$@\"", "sh"], arguments);

    /// <summary>As from nohup.</summary>
    public static HivemindProcess StartIgnoringHangup(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Start(environment, ["sh", "-c", "trap '' HUP; exec dotnet \"$@\"", "sh"], arguments);

    /// <summary>By another user, who need not have a name; it takes root.</summary>
    public static HivemindProcess StartAs(int user, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Start(environment, ["setpriv", $"--reuid={user}", $"--regid={user}", "--clear-groups", Host], arguments);

    /// <summary>As from a shell with its standard output in that file.</summary>
    public static HivemindProcess StartInto(string file, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Start(new Dictionary<string, string>(environment) { ["OUTPUT_FILE"] = file }, ["sh", "-c", "exec dotnet \"$@\" > \"$OUTPUT_FILE\"", "sh"], arguments);

    private static HivemindProcess Start(IReadOnlyDictionary<string, string>? environment, IReadOnlyList<string> runner, string[] arguments)
    {
        var start = new ProcessStartInfo(runner[0]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var word in runner.Skip(1)) start.ArgumentList.Add(word);
        start.ArgumentList.Add(Program);
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        start.Environment.Remove("HIVEMIND_FAILPOINT");
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        var started = new HivemindProcess(new Process { StartInfo = start, EnableRaisingEvents = true });
        started.Process.OutputDataReceived += (_, line) => started.Add(line.Data);
        started.Process.ErrorDataReceived += (_, line) => started.Add(line.Data);
        started.Process.Exited += (_, _) => started._exited.TrySetResult();
        started.Process.Start();
        started.Process.BeginOutputReadLine();
        started.Process.BeginErrorReadLine();
        return started;
    }

    /// <summary>By name, like HUP.</summary>
    public void Signal(string name)
    {
        using var kill = System.Diagnostics.Process.Start("kill", [$"-{name}", $"{Process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>kill -9.</summary>
    public async Task Kill()
    {
        Process.Kill();
        await Exited(TimeSpan.FromSeconds(10));
    }

    public async Task<int> Exited(TimeSpan patience)
    {
        await _exited.Task.WaitAsync(patience);
        await Process.WaitForExitAsync(); // and what it printed is all here
        return Process.ExitCode;
    }

    public void Dispose()
    {
        if (!Process.HasExited) Process.Kill();
        Process.Dispose();
    }

    private void Add(string? line)
    {
        lock (_output) _output.AppendLine(line);
    }
}

/// <summary>A silo as a user starts one: own data directory, free ports, in a process of its own.</summary>
public sealed partial class PoolProcess : IDisposable
{
    private readonly List<string> _settings;
    private readonly string? _ownDirectory;
    private HivemindProcess? _process;
    private GrpcChannel? _channel;
    private int _port;

    /// <summary>Settings without `HiveMind:`, as "Auth:Mode=Open".</summary>
    public PoolProcess(params string[] settings)
    {
        var given = settings.FirstOrDefault(setting => setting.StartsWith("DataDirectory=", StringComparison.Ordinal));
        if (given is null) _ownDirectory = Directory.CreateTempSubdirectory("hivemind-pool-").FullName;
        DataDirectory = given?["DataDirectory=".Length..] ?? _ownDirectory!;
        // Short leases: what is waited for in these tests is the same rule with smaller numbers.
        string[] quick = ["Nodes:HeartbeatInterval=00:00:00.500", "Nodes:HeartbeatTimeout=00:00:02.500", "Tasks:LeaseDuration=00:00:03"];
        _settings = [.. quick.Where(one => !settings.Any(setting => setting.Split('=')[0] == one.Split('=')[0])), .. settings];
        if (given is null) _settings.Add($"DataDirectory={DataDirectory}");
    }

    public string DataDirectory { get; }
    /// <summary>Beside what the tests themselves run with.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
    /// <summary>Words of the command line that are no settings.</summary>
    public IReadOnlyList<string> Flags { get; init; } = [];
    public string Output => _process?.Output ?? "";
    public string Address => $"http://127.0.0.1:{_port}";
    public GrpcChannel Channel => _channel ?? throw new InvalidOperationException("not started");
    public Process Process => _process!.Process;
    public UserService.UserServiceClient Users => new(Channel);
    public NodeManagerService.NodeManagerServiceClient Nodes => new(Channel);
    public MasterNodeService.MasterNodeServiceClient Master => new(Channel);

    /// <summary>Starts it, at the port it had before, and waits until it says that it is ready.</summary>
    public async Task<PoolProcess> Start(string? failpoint = null)
    {
        var environment = new Dictionary<string, string>(Environment);
        if (failpoint is not null) environment["HIVEMIND_FAILPOINT"] = failpoint;
        string[] arguments = ["silo", $"--HiveMind:Grpc:Port={_port}", "--HiveMind:Http:Port=0", .. _settings.Select(setting => $"--HiveMind:{setting}"), .. Flags];
        _process = HivemindProcess.Start(environment, arguments);
        await Wait.Until(() => _process.Process.HasExited || Ready().IsMatch(_process.Output), TimeSpan.FromSeconds(60), () => $"the silo is not ready:\n{Output}");
        if (_process.Process.HasExited) throw new InvalidOperationException($"the silo ended with {await _process.Exited(TimeSpan.FromSeconds(10))}:\n{Output}");
        _port = int.Parse(Ready().Match(_process.Output).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
        _channel ??= GrpcChannel.ForAddress(Address, new GrpcChannelOptions
        {
            MaxReceiveMessageSize = null, MaxSendMessageSize = null,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(100), MaxReconnectBackoff = TimeSpan.FromMilliseconds(500),
        });
        return this;
    }

    public Task Kill() => _process!.Kill();

    /// <summary>SIGTERM, as a service manager sends it.</summary>
    public void Terminate()
    {
        using var kill = System.Diagnostics.Process.Start("kill", ["-TERM", $"{Process.Id}"]);
        kill.WaitForExit();
    }

    public Task<int> Exited(TimeSpan patience) => _process!.Exited(patience);

    /// <summary>A new account, logged in: what goes into the metadata of its calls, and its id.</summary>
    public async Task<Login> NewUser(string name)
    {
        await Users.RegisterUserAsync(new() { Username = name, Password = "correct horse battery", Email = $"{name}@example.org" });
        return await LogIn(name);
    }

    public async Task<Login> LogIn(string name)
    {
        var answer = await Users.LoginUserAsync(new() { Username = name, Password = "correct horse battery" });
        return new(answer.UserId, name, Bearer(answer.SessionToken));
    }

    public static Metadata Bearer(string token) => new() { { "authorization", $"Bearer {token}" } };

    /// <summary>A worker process of its own for a freshly registered node of that user.</summary>
    public async Task<WorkerProcess> StartWorker(Login owner, string nodeId, params string[] options)
    {
        var registered = await Nodes.RegisterNodeAsync(new()
        {
            NodeId = nodeId, Hostname = "test", Capabilities = new() { CpuCores = 4, MemoryMb = 4096 },
        }, owner.Metadata);
        return new WorkerProcess(this, nodeId, registered.NodeToken, options);
    }

    public async Task<GetTaskStatusResponse> Status(string taskId, Login user) =>
        await Master.GetTaskStatusAsync(new() { TaskId = taskId }, user.Metadata, DateTime.MaxValue);

    /// <summary>Waits until the task's status satisfies, through restarts of the hub.</summary>
    public async Task<GetTaskStatusResponse> WaitFor(string taskId, Login user, Func<GetTaskStatusResponse, bool> satisfied, int seconds = 60)
    {
        GetTaskStatusResponse? last = null;
        await Wait.Until(async () =>
        {
            try
            {
                last = await Status(taskId, user);
                return satisfied(last);
            }
            catch (RpcException away) when (away.StatusCode is StatusCode.Unavailable)
            {
                return false;
            }
        }, TimeSpan.FromSeconds(seconds), () => $"task {taskId} is {last?.State} {last?.Reason} {last?.ReasonText}, attempts {last?.Attempts.Count}\n{Output}");
        return last!;
    }

    public Task<GetTaskStatusResponse> WaitForEnd(string taskId, Login user, int seconds = 60) =>
        WaitFor(taskId, user, status => status.Status is "completed" or "failed", seconds);

    public void Dispose()
    {
        _channel?.Dispose();
        _process?.Dispose();
        if (_ownDirectory is not null && Directory.Exists(_ownDirectory)) Directory.Delete(_ownDirectory, recursive: true);
    }

    [GeneratedRegex(@"HiveMind is ready[\s\S]*?gRPC +https?://[^:]+:(\d+)[\s\S]*?Next:")]
    private static partial Regex Ready();
}

public sealed record Login(string UserId, string Name, Metadata Metadata)
{
    /// <summary>As a command line keeps it.</summary>
    internal HiveMind.Cli.StoredSession Session() => new(
        Name, UserId, "user", Metadata.GetValue("authorization")!["Bearer ".Length..], TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddHours(1));
}

/// <summary>A real worker process for one node.</summary>
public sealed class WorkerProcess : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("hivemind-worker-").FullName;
    private readonly HivemindProcess _process;

    public WorkerProcess(PoolProcess pool, string nodeId, string token, string[] options)
    {
        NodeId = nodeId;
        Token = token;
        var file = Path.Combine(_directory, "token");
        File.WriteAllText(file, token);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var environment = new Dictionary<string, string>
        {
            ["XDG_CONFIG_HOME"] = _directory, ["XDG_DATA_HOME"] = _directory, ["XDG_STATE_HOME"] = _directory,
        };
        _process = HivemindProcess.Start(environment, 
            ["worker", "--node-id", nodeId, "--token-file", file, .. options.Contains("--hub") ? [] : new[] { "--hub", pool.Address }, .. options]);
    }

    public string NodeId { get; }
    public string Token { get; }
    public string Output => _process.Output;
    public Process Process => _process.Process;

    public Task Kill() => _process.Kill();

    public void Dispose()
    {
        _process.Dispose();
        try
        {
            Directory.Delete(_directory, recursive: true);
        }
        catch (IOException)
        {
            // a program that was just killed may still hold its folder; the system's temporary folder is cleaned by its owner
        }
    }
}

/// <summary>Polls a condition until it holds or a deadline says what was missing.</summary>
public static class Wait
{
    public static Task Until(Func<bool> condition, TimeSpan patience, Func<string> otherwise) =>
        Until(() => Task.FromResult(condition()), patience, otherwise);

    public static async Task Until(Func<Task<bool>> condition, TimeSpan patience, Func<string> otherwise)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed < patience, $"waited {patience.TotalSeconds:0} s: {otherwise()}");
            await Task.Delay(25);
        }
    }
}
