using HiveMind.Protos;
using HiveMind.Tests.Processes;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Hostile;

/// <summary>How a machine is lent in these tests.</summary>
public enum Lending
{
    /// <summary>With bubblewrap.</summary>
    Sandbox,
    /// <summary>`--unsandboxed` without bubblewrap: a process namespace only.</summary>
    Namespace,
    /// <summary>The same without `unshare`: nothing but the kernel's death signal holds a program.</summary>
    Bare,
}

/// <summary>A machine whose worker is started, killed and started again: one home, one token, one user; and what is to be found there that should not be.</summary>
internal sealed class LentMachine : IDisposable
{
    public const int Nobody = 65534;

    private readonly string _home = Directory.CreateTempSubdirectory("hivemind-m-").FullName;
    private readonly List<int> _processes = [];
    private readonly PoolProcess _pool;
    private readonly int? _user;
    private readonly Dictionary<string, string> _environment;
    private readonly string[] _words;
    private HivemindProcess? _worker;

    private LentMachine(PoolProcess pool, string nodeId, string token, Lending lending, int? user, string[] options)
    {
        (_pool, NodeId, _user) = (pool, nodeId, user);
        var file = Path.Combine(_home, "token");
        File.WriteAllText(file, token);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _environment = new()
        {
            ["HOME"] = _home, ["XDG_CONFIG_HOME"] = _home, ["XDG_DATA_HOME"] = _home, ["XDG_STATE_HOME"] = Path.Combine(_home, "s"), ["HIVEMIND_HUB"] = "",
            ["XDG_RUNTIME_DIR"] = Folder("x"), ["TMPDIR"] = Folder("t"),
        };
        // So deep that programs' sockets need another way there.
        Work = Path.Combine(Folder("s"), new string('d', 100));
        if (lending == Lending.Namespace) _environment["PATH"] = Without("bwrap");
        if (lending == Lending.Bare) _environment["PATH"] = Without("bwrap", "unshare");
        _words = ["worker", "--hub", pool.Address, "--node-id", nodeId, "--token-file", file, "--work-directory", Work,
            .. lending == Lending.Sandbox ? new[] { "--accept-strangers" } : ["--unsandboxed"], "--label", $"machine={nodeId}", .. options];
        if (user is { } owner) Run("chown", "-R", $"{owner}:{owner}", _home);
    }

    public string NodeId { get; }
    public string Work { get; }
    public string Output => _worker?.Output ?? "";
    public int ProcessId => _worker!.Process.Id;
    public bool HasExited => _worker!.Process.HasExited;

    /// <summary>Registered for the lender, not started yet. A <paramref name="user"/> takes root.</summary>
    public static async Task<LentMachine> Register(PoolProcess pool, Login lender, string nodeId, Lending lending, int? user = null, params string[] options)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/python3"), "python3 is not installed.");
        Assert.SkipUnless(lending != Lending.Sandbox || File.Exists("/usr/bin/bwrap"), "bubblewrap is not installed.");
        Assert.SkipUnless(user is null || Environment.IsPrivilegedProcess, "Only root starts programs as another user.");
        var node = await pool.Nodes.RegisterNodeAsync(
            new() { NodeId = nodeId, Hostname = "test", Capabilities = new() { CpuCores = 4, MemoryMb = 4096 } }, lender.Metadata);
        return new LentMachine(pool, nodeId, node.NodeToken, lending, user, options);
    }

    public async Task<LentMachine> Start()
    {
        _worker = _user is { } user ? HivemindProcess.StartAs(user, _environment, _words) : HivemindProcess.Start(_environment, _words);
        _processes.Add(ProcessId);
        await Wait.Until(() => HasExited || Output.Contains("Connected as node", StringComparison.Ordinal), TimeSpan.FromSeconds(60), () => $"{NodeId} is not there:\n{Output}");
        Assert.False(HasExited, Output);
        return this;
    }

    /// <summary>kill -9.</summary>
    public Task Kill() => _worker!.Kill();

    /// <summary>SIGTERM.</summary>
    public async Task Stop()
    {
        _worker!.Signal("TERM");
        Assert.Equal(0, await _worker.Exited(TimeSpan.FromSeconds(40)));
    }

    /// <summary>Folders of runs that there are now, with anything in them.</summary>
    public IReadOnlyList<string> Runs() => Folders(Work, "w-*").SelectMany(worker => Folders(worker, "r-*")).ToList();

    /// <summary>The processes that were started from this machine's folder or with that word, but for its worker.</summary>
    public IReadOnlyList<int> Programs(string word = "") => [.. Folders("/proc", "*").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!))
        .Where(id => id != Environment.ProcessId && (_worker is null || HasExited || id != ProcessId) && Belongs(id, word.Length > 0 ? word : _home))];

    /// <summary>Waits until nothing is left of any run: processes, folders, links, mounts, control groups. A worker that lives has its own folder and no more.</summary>
    public Task NothingIsLeft(bool alive)
    {
        IReadOnlyList<string> left = [];
        return Wait.Until(() => (left = Left(alive)).Count == 0, TimeSpan.FromSeconds(30), () => $"left on {NodeId}: {string.Join(", ", left)}\n{Output}");
    }

    private List<string> Left(bool alive)
    {
        var left = new List<string>();
        var workers = Folders(Work, "w-*");
        if (workers.Count != (alive ? 1 : 0)) left.Add($"{workers.Count} workers' folders");
        left.AddRange(workers.SelectMany(Entries).Where(entry => Path.GetFileName(entry) != "files"));
        left.AddRange(Entries(Work).Where(entry => Path.GetFileName(entry) is var name && !name.StartsWith("w-", StringComparison.Ordinal) && !name.StartsWith("instance-", StringComparison.Ordinal)));
        left.AddRange(Entries(Path.Combine(_home, "t")));
        var links = Entries(Path.Combine(_home, "x"));
        if (links.Count != (alive ? 1 : 0)) left.Add($"links: {string.Join(' ', links)}");
        left.AddRange(Programs().Select(Describe));
        left.AddRange(File.ReadAllLines("/proc/self/mountinfo").Where(line => line.Contains(Work + "/", StringComparison.Ordinal)));
        foreach (var controller in Folders("/sys/fs/cgroup", "*"))
            foreach (var id in _processes)
                foreach (var group in Folders(controller, $"hivemind-{id}-*"))
                    left.AddRange(alive && id == ProcessId ? Folders(group, "*") : [group]);
        return left;
    }

    public void Dispose()
    {
        _worker?.Dispose();
        _worker = null;
        foreach (var program in Programs()) ProcessTree.Kill(program);
        RunPlace.Remove(_home);
    }

    private string Folder(string name) => Directory.CreateDirectory(Path.Combine(_home, name)).FullName;

    /// <summary>A search path that leads to everything but these: what is found first and does not work is as good as absent.</summary>
    private string Without(params string[] programs)
    {
        var folder = Folder("bin");
        foreach (var program in programs)
            File.CreateSymbolicLink(Path.Combine(folder, program), "/usr/bin/false");
        return $"{folder}:/usr/local/bin:/usr/bin:/bin";
    }

    private static bool Belongs(int process, string word)
    {
        foreach (var file in new[] { "cmdline", "environ", "mountinfo" })
        {
            try
            {
                var text = File.ReadAllText($"/proc/{process}/{file}");
                // Of a mount it is what is mounted: where a small disk stands in this machine's folder, every process of the system sees that.
                if (file == "mountinfo" ? text.Split('\n').Any(line => line.Split(' ').ElementAtOrDefault(3)?.Contains(word, StringComparison.Ordinal) == true)
                    : text.Contains(word, StringComparison.Ordinal)) return true;
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // Not ours, or ended.
            }
        }
        return false;
    }

    private static string Describe(int process)
    {
        try
        {
            return $"process {process} {File.ReadAllText($"/proc/{process}/cmdline").Replace('\0', ' ')}";
        }
        catch (IOException)
        {
            return $"process {process}";
        }
    }

    private static List<string> Folders(string folder, string pattern) => Listed(() => [.. Directory.EnumerateDirectories(folder, pattern)]);

    private static List<string> Entries(string folder) => Listed(() => [.. Directory.EnumerateFileSystemEntries(folder)]);

    private static List<string> Listed(Func<List<string>> list)
    {
        try
        {
            return list();
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return []; // it went while it was read
        }
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
