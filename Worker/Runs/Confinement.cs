namespace HiveMind.Workers.Runs;

/// <summary>What the shell sets before a program runs: KiB of address space, blocks of a file or "unlimited".</summary>
public sealed record RunLimits(long AddressSpaceKb, string FileBlocks);

/// <summary>
/// How a program is wrapped on this machine. A pure builder of command lines:
/// worker → setpriv (dies with the worker) → setsid (own process group) → sh (limits) → bubblewrap, or a PID namespace, or nothing → program.
/// </summary>
public sealed record Confinement
{
    /// <summary>Folders of the system that a sandboxed program may read.</summary>
    private static readonly string[] SystemFolders =
    [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        "/etc/localtime", "/etc/mime.types", "/etc/ssl/openssl.cnf", "/etc/python3", "/etc/python3.11", "/etc/python3.12", "/etc/python3.13",
    ];

    private static readonly string[] GpuDevices =
        ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia0", "/dev/nvidia1", "/dev/nvidia2", "/dev/nvidia3",
         "/dev/nvidia4", "/dev/nvidia5", "/dev/nvidia6", "/dev/nvidia7"];

    /// <summary>
    /// Runs before the program: gives up when the worker is gone already (the death signal was set too late to be sent), then sets the
    /// limits: no core files, the address space, the size of a file (unless a lower one is set), and the first to go when the machine
    /// itself runs out of memory.
    /// </summary>
    private const string Guard =
        "[ \"$PPID\" = \"$1\" ] || exit 125; ulimit -c 0; ulimit -v \"$2\" || exit 125; ulimit -f \"$3\" 2>/dev/null; echo 500 2>/dev/null >/proc/self/oom_score_adj; "
        + "shift 3; exec \"$@\"";

    /// <summary>The first process of a PID namespace gets no signals and must collect orphans: a shell does that, the program is its child.</summary>
    private const string FirstProcess = "\"$@\"; exit $?";

    /// <summary>Ways to get a PID namespace without bubblewrap: as root, as a plain user, as a plain user without a fresh /proc.</summary>
    internal static readonly string[][] PidNamespaces =
    [
        ["--pid", "--fork", "--kill-child", "--mount-proc"],
        ["--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ["--map-current-user", "--pid", "--fork", "--kill-child"],
    ];

    public string? Bubblewrap { get; init; }
    public string? Setpriv { get; init; }
    public string? Setsid { get; init; }
    public string? Nice { get; init; }
    /// <summary>unshare and its switches, where a PID namespace may be had without bubblewrap.</summary>
    public IReadOnlyList<string> Unshare { get; init; } = [];
    /// <summary>Why there is no isolation.</summary>
    public string? Note { get; init; }

    /// <summary>No network, no homes, no environment, nobody else's processes.</summary>
    public bool Isolates => Bubblewrap is not null;
    /// <summary>Every process of a run ends with the first one.</summary>
    public bool OwnsWholeTree => Bubblewrap is not null || Unshare.Count > 0;
    /// <summary>A worker killed with -9 takes its programs with it; without that no program is run at all.</summary>
    public bool DiesWithWorker => Setsid is not null && (Setpriv is not null || Bubblewrap is not null);

    /// <summary>What a program sees as its own folder.</summary>
    public string InsideDirectory(RunPlace place) => Isolates ? "/task" : place.Task;

    /// <summary>The whole command, guard included.</summary>
    public IReadOnlyList<string> GuardedCommand(
        int workerProcessId, RunLimits limits, RunPlace place, IReadOnlyDictionary<string, string> environment, bool withGpu,
        IReadOnlyList<string> program)
    {
        List<string> command = [];
        if (Setpriv is not null)
            command.AddRange([Setpriv, "--pdeathsig", "KILL"]);
        if (Setsid is not null)
            command.Add(Setsid);
        command.AddRange(["/bin/sh", "-c", Guard, "sh", $"{workerProcessId}", $"{limits.AddressSpaceKb}", limits.FileBlocks]);
        if (Nice is not null)
            command.AddRange([Nice, "-n", "5"]);
        command.AddRange(Command(place, environment, withGpu, program));
        return command;
    }

    /// <summary>The confined program alone.</summary>
    public IReadOnlyList<string> Command(
        RunPlace place, IReadOnlyDictionary<string, string> environment, bool withGpu, IReadOnlyList<string> program)
    {
        if (Bubblewrap is not null)
            return Sandboxed(Bubblewrap, place, environment, withGpu, program);
        return Unshare.Count > 0 ? [.. Unshare, "--", "/bin/sh", "-c", FirstProcess, "sh", .. program] : program;
    }

    private static List<string> Sandboxed(
        string bubblewrap, RunPlace place, IReadOnlyDictionary<string, string> environment, bool withGpu, IReadOnlyList<string> program)
    {
        List<string> command =
        [
            bubblewrap, "--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--cap-drop", "ALL", "--die-with-parent",
            "--new-session", "--hostname", "hivemind-task", "--proc", "/proc", "--dev", "/dev",
        ];
        foreach (var folder in SystemFolders)
            command.AddRange(["--ro-bind-try", folder, folder]);
        if (withGpu)
            foreach (var device in GpuDevices)
                command.AddRange(["--dev-bind-try", device, device]);
        // Folders on disk, not in memory: what a program writes must not count against its neighbours' memory.
        command.AddRange(["--bind", place.Shared, "/dev/shm", "--bind", place.Temporary, "/tmp", "--bind", place.Task, "/task"]);
        command.AddRange(["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/task", "--clearenv"]);
        foreach (var (name, value) in environment)
            command.AddRange(["--setenv", name, value]);
        command.Add("--");
        command.AddRange(program);
        return command;
    }
}
