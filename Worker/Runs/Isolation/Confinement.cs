namespace HiveMind.Workers.Runs;

/// <summary>
/// How a program is wrapped on this machine. A pure builder of command lines:
/// worker → setpriv (dies with the worker) → setsid (own process group) → sh (guard) → bubblewrap, or a PID namespace, or nothing → launch.py → program.
/// </summary>
public sealed record Confinement
{
    private const string LauncherInside = "/run/hivemind/launch.py", Processors = "/sys/devices/system/cpu", Online = Processors + "/online";

    /// <summary>Folders of the system that a sandboxed program may read.</summary>
    private static readonly string[] SystemFolders =
    [
        "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
        "/etc/localtime", "/etc/timezone", "/etc/mime.types", "/etc/magic", "/etc/ssl/openssl.cnf", "/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ca-certificates",
        "/etc/fonts", "/etc/python3", "/etc/python3.9", "/etc/python3.10", "/etc/python3.11", "/etc/python3.12", "/etc/python3.13", "/etc/python3.14", Processors,
    ];

    /// <summary>
    /// Of /proc, what belongs to the whole machine. Where the worker is root its programs are root to the kernel too, if only by their number: the rights of
    /// these files alone would let them set the machine's core pattern.
    /// </summary>
    private static readonly string[] ProcReadOnly = ["/proc/sys", "/proc/fs", "/proc/driver", "/proc/pressure", "/proc/tty", "/proc/dynamic_debug", "/proc/mpt"];
    private static readonly string[] ProcHiddenFolders = ["/proc/acpi", "/proc/asound", "/proc/scsi"];
    private static readonly string[] ProcHiddenFiles =
    [
        "/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
        "/proc/kmsg", "/proc/mtrr", "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup", "/proc/vmallocinfo", "/proc/slabinfo", "/proc/interrupts",
    ];

    /// <summary>What every program that uses a GPU opens beside the GPU itself.</summary>
    private static readonly string[] GpuControls = ["/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset"];

    /// <summary>
    /// Runs before the program: gives up when the worker is gone already (the death signal was set too late to be sent); no core files; the first to go
    /// when the machine itself runs out of memory; descriptor 8 for what the launcher says, 9 for the filter of system calls; into its control groups.
    /// </summary>
    private const string Guard =
        "[ \"$PPID\" = \"$1\" ] || exit 125; ulimit -c 0; echo 500 2>/dev/null >/proc/self/oom_score_adj; exec 8>\"$2\" || exit 125; "
        + "[ -z \"$3\" ] || exec 9<\"$3\" || exit 125; shift 3; while [ \"$1\" != -- ]; do echo 0 >\"$1\" || exit 124; shift; done; shift; exec \"$@\"";

    /// <summary>Ways to get a PID namespace without bubblewrap: as root, as a plain user, as a plain user without a fresh /proc.</summary>
    internal static readonly string[][] PidNamespaces =
    [
        ["--pid", "--fork", "--kill-child", "--mount-proc"],
        ["--map-current-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ["--map-current-user", "--pid", "--fork", "--kill-child"],
    ];

    public string? Bubblewrap { get; init; }
    /// <summary>This bubblewrap can forbid further user namespaces below its own.</summary>
    public bool ForbidsUserNamespaces { get; init; }
    public string? Setpriv { get; init; }
    public string? Setsid { get; init; }
    /// <summary>unshare and its switches, where a PID namespace may be had without bubblewrap.</summary>
    public IReadOnlyList<string> Unshare { get; init; } = [];
    /// <summary>Why there is no isolation.</summary>
    public string? Note { get; init; }
    /// <summary>The launcher and what else a run is started with.</summary>
    public SandboxFiles Files { get; init; } = new("");

    /// <summary>No network, no homes, no environment, nobody else's processes.</summary>
    public bool Isolates => Bubblewrap is not null;
    /// <summary>The launcher is the first process of a namespace: every process of a run ends with it, and it gets no signal that a program sends.</summary>
    public bool OwnsWholeTree => Bubblewrap is not null || Unshare.Count > 0;
    /// <summary>A worker killed with -9 takes its programs with it; without that no program is run at all.</summary>
    public bool DiesWithWorker => Setsid is not null && (Setpriv is not null || Bubblewrap is not null);

    /// <summary>Before the program: where no namespace ends it, it asks the kernel to die with the launcher, which dies with the worker.</summary>
    internal IReadOnlyList<string> DiesWithLauncher => OwnsWholeTree || Setpriv is null ? [] : [Setpriv, "--pdeathsig", "KILL"];

    /// <summary>What a program sees as its own folder.</summary>
    public string InsideDirectory(RunPlace place) => Isolates ? "/task" : place.Task;

    /// <summary>The whole command, guard included: what it starts reads <see cref="LaunchOrders"/> and says how it went in the run's status file.</summary>
    internal IReadOnlyList<string> GuardedCommand(int workerProcessId, string python, RunPlace place, IEnumerable<string> groups, IReadOnlyList<string> gpuDevices)
    {
        List<string> command = [];
        // bubblewrap may be set-user-id: it drops all rights itself, and its program gets none back.
        if (Setpriv is not null)
            command.AddRange(Isolates ? [Setpriv, "--pdeathsig", "KILL"] : [Setpriv, "--pdeathsig", "KILL", "--no-new-privs"]);
        if (Setsid is not null)
            command.Add(Setsid);
        command.AddRange(["/bin/sh", "-c", Guard, "sh", $"{workerProcessId}", place.Status, Isolates ? Files.Filter : "", .. groups, "--"]);
        command.AddRange(Command(python, place, gpuDevices));
        return command;
    }

    private IEnumerable<string> Command(string python, RunPlace place, IReadOnlyList<string> gpuDevices)
    {
        if (Bubblewrap is not null)
            return [.. Sandbox(place, gpuDevices, Files.Filter.Length > 0), "--ro-bind", Files.Launcher, LauncherInside, .. Closed, "--", .. Launcher(python, LauncherInside)];
        return Unshare.Count > 0 ? [.. Unshare, "--", .. Launcher(python, Files.Launcher)] : Launcher(python, Files.Launcher);
    }

    /// <summary>A sandbox around any program, to see whether it can be had.</summary>
    internal IReadOnlyList<string> Trial(RunPlace place, IReadOnlyList<string> program) => [.. Sandbox(place, [], withFilter: false), .. Closed, "--", .. program];

    private static string[] Launcher(string python, string path) => [python, "-I", "-S", path];

    /// <summary>Last, when all is in its place.</summary>
    private static readonly string[] Closed = ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/task", "--clearenv"];

    private List<string> Sandbox(RunPlace place, IReadOnlyList<string> gpuDevices, bool withFilter)
    {
        var id = $"{SandboxFiles.UserId}";
        List<string> command =
        [
            Bubblewrap!, "--unshare-all", "--unshare-user", "--uid", id, "--gid", id, "--cap-drop", "ALL", "--die-with-parent",
            "--new-session", "--as-pid-1", "--hostname", SandboxFiles.HostName, "--proc", "/proc", "--dev", "/dev",
        ];
        foreach (var folder in ProcReadOnly)
            command.AddRange(["--ro-bind-try", folder, folder]);
        foreach (var folder in ProcHiddenFolders.Where(Directory.Exists))
            command.AddRange(["--tmpfs", folder, "--remount-ro", folder]);
        foreach (var file in ProcHiddenFiles.Where(File.Exists))
            command.AddRange(["--ro-bind", "/dev/null", file]);
        if (ForbidsUserNamespaces)
            command.Add("--disable-userns");
        if (withFilter)
            command.AddRange(["--seccomp", "9"]);
        foreach (var folder in SystemFolders)
            command.AddRange(["--ro-bind-try", folder, folder]);
        foreach (var (name, file) in Files.EtcFiles)
            command.AddRange(["--ro-bind-try", file, "/etc/" + name]);
        if (File.Exists(Online))
            command.AddRange(["--ro-bind-try", place.Processors, Online]);
        if (gpuDevices.Count > 0)
            foreach (var device in GpuControls.Concat(gpuDevices))
                command.AddRange(["--dev-bind-try", device, device]);
        // Folders on disk, not in memory: what a program writes must not count against its neighbours' memory.
        command.AddRange(["--bind", place.Shared, "/dev/shm", "--bind", place.Temporary, "/tmp", "--symlink", "/tmp", "/var/tmp", "--bind", place.Task, "/task"]);
        return command;
    }
}
