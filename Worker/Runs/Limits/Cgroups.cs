using System.Globalization;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// The control groups below which this worker makes one for every run: version 2 where the group it runs in was given to it (systemd's Delegate, a
/// container with a writable one), else version 1 where its folders are writable. Found and proved at start, never assumed.
/// </summary>
public sealed class Cgroups : IDisposable
{
    private const string Own = "hivemind-", WorkersLeaf = "hivemind-worker";
    private static readonly string[] Wanted = ["memory", "pids", "cpu"];

    private static int _made;

    private readonly string _name = $"{Own}{Environment.ProcessId}-{StartOf(Environment.ProcessId)}-{Interlocked.Increment(ref _made)}";
    private readonly Dictionary<string, string> _folders; // by controller; version 2 has one folder for all
    private readonly List<RunCgroup> _left = [];
    private long _runs;

    private Cgroups(bool isVersion2, Dictionary<string, string> parents)
    {
        IsVersion2 = isVersion2;
        foreach (var parent in parents.Values.Distinct()) RemoveDead(parent);
        _folders = parents.ToDictionary(one => one.Key, one => Path.Combine(one.Value, _name));
        foreach (var folder in _folders.Values.Distinct()) Directory.CreateDirectory(folder);
        if (!isVersion2) return;
        Write(Path.Combine(_folders["memory"], "cgroup.subtree_control"), string.Join(' ', _folders.Keys.Select(one => "+" + one)));
    }

    public bool IsVersion2 { get; }

    /// <summary>"memory", "pids" and "cpu", as far as they are there; memory always is.</summary>
    public IReadOnlyCollection<string> Controllers => _folders.Keys;

    /// <summary>As people call it.</summary>
    public string Kind => IsVersion2 ? "cgroup v2" : "cgroup v1";

    /// <summary>Null, with the reason, where this process may have none.</summary>
    public static (Cgroups? Found, string Note) Find() => Find(CgroupMounts.Parse(MachineProbe.Text("/proc/self/mountinfo"), MachineProbe.Text("/proc/self/cgroup")));

    internal static (Cgroups? Found, string Note) Find(CgroupMounts mounts)
    {
        var note = "no control groups are mounted here";
        if (mounts.Version2 is { } folder)
        {
            try
            {
                if (Version2(folder) is { } parents) return (new Cgroups(true, parents), "");
                note = "the control group of this process has no memory controller to give";
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                note = $"the control group of this process was not given to it ({e.Message.TrimEnd('.')})";
            }
        }
        if (!mounts.Version1.ContainsKey("memory")) return (null, note);
        try
        {
            return (new Cgroups(false, Wanted.Where(mounts.Version1.ContainsKey).ToDictionary(one => one, one => mounts.Version1[one])), "");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"the control groups here are not writable ({e.Message.TrimEnd('.')})");
        }
    }

    /// <summary>Processes may be in the leaves only: where they stand in the way of the children, this one moves into a leaf of its own.</summary>
    private static Dictionary<string, string>? Version2(string folder)
    {
        var there = MachineProbe.Text(Path.Combine(folder, "cgroup.controllers")).Split(' ', StringSplitOptions.TrimEntries);
        var wanted = Wanted.Where(there.Contains).ToArray();
        if (!wanted.Contains("memory")) return null;
        var control = Path.Combine(folder, "cgroup.subtree_control");
        var given = MachineProbe.Text(control).Split(' ', StringSplitOptions.TrimEntries);
        if (!wanted.All(given.Contains))
        {
            var ask = string.Join(' ', wanted.Select(one => "+" + one));
            try
            {
                Write(control, ask);
            }
            catch (IOException)
            {
                var leaf = Path.Combine(folder, WorkersLeaf);
                Directory.CreateDirectory(leaf);
                Write(Path.Combine(leaf, "cgroup.procs"), $"{Environment.ProcessId}");
                try
                {
                    Write(control, ask);
                }
                catch (IOException)
                {
                    Write(Path.Combine(folder, "cgroup.procs"), $"{Environment.ProcessId}");
                    TryRemove(leaf);
                    throw;
                }
            }
        }
        return wanted.ToDictionary(one => one, _ => folder);
    }

    /// <summary>For one run: so many processes and threads. Its memory and its processors are limited by <see cref="RunCgroup.Limit"/>.</summary>
    internal RunCgroup Open(int processes)
    {
        lock (_left)
            _left.RemoveAll(one => one.TryRemove());
        var name = "run-" + Interlocked.Increment(ref _runs).ToString(CultureInfo.InvariantCulture);
        var run = new RunCgroup(this, IsVersion2, _folders.ToDictionary(one => one.Key, one => Path.Combine(one.Value, name)));
        try
        {
            run.Create(processes);
            return run;
        }
        catch (IOException)
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>It could not be removed yet: its last processes are just ending.</summary>
    internal void Leave(RunCgroup run)
    {
        lock (_left) _left.Add(run);
    }

    public void Dispose()
    {
        foreach (var folder in _folders.Values.Distinct()) RemoveTree(folder);
    }

    /// <summary>What workers left that are dead, with the processes in it: their names say which process they belonged to.</summary>
    private static void RemoveDead(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, Own + "*"))
        {
            var words = Path.GetFileName(folder)[Own.Length..].Split('-');
            if (words.Length == 3 && int.TryParse(words[0], CultureInfo.InvariantCulture, out var id) && StartOf(id) != words[1]) RemoveTree(folder);
        }
    }

    private static void RemoveTree(string folder)
    {
        for (var round = 0; round < 100 && Directory.Exists(folder); round++)
        {
            try
            {
                foreach (var inner in Directory.EnumerateDirectories(folder))
                {
                    foreach (var id in RunCgroup.ProcessesIn(inner)) ProcessTree.Kill(id);
                    TryRemove(inner);
                }
            }
            catch (IOException)
            {
                // It is going away by itself.
            }
            if (TryRemove(folder)) return;
            Thread.Sleep(10);
        }
    }

    internal static bool TryRemove(string folder)
    {
        try
        {
            Directory.Delete(folder);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    internal static void Write(string file, string text) => File.WriteAllText(file, text);

    /// <summary>When a process began, in ticks since the boot: with its number that is who it is. "" when there is none.</summary>
    internal static string StartOf(int process)
    {
        var text = MachineProbe.Text($"/proc/{process}/stat");
        var close = text.LastIndexOf(')');
        return close < 0 ? "" : text[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries).ElementAtOrDefault(19) ?? "";
    }
}

/// <summary>The control group of one run, until it is disposed.</summary>
internal sealed class RunCgroup(Cgroups parent, bool isVersion2, IReadOnlyDictionary<string, string> folders) : IDisposable
{
    /// <summary>The kernel's own period, and the least that it gives in it.</summary>
    private const int PeriodUs = 100_000, LeastUs = 1_000;
    private double _cores;

    private string Memory => folders["memory"];

    /// <summary>A process that writes 0 into each of these belongs to the run, with all that it starts.</summary>
    /// <remarks>
    /// Version 1 has a file for threads too, and a process has one thread when it joins: the kernel need not wait until no other thread is being started,
    /// which takes it milliseconds for each group.
    /// </remarks>
    public IEnumerable<string> JoinFiles => folders.Values.Distinct().Select(folder => Path.Combine(folder, isVersion2 ? "cgroup.procs" : "tasks"));

    public IReadOnlyList<int> Processes => ProcessesIn(Memory);

    public bool LimitsProcesses => folders.ContainsKey("pids");

    internal static IReadOnlyList<int> ProcessesIn(string folder) =>
        [.. MachineProbe.Text(Path.Combine(folder, "cgroup.procs")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];

    internal void Create(int processes) => Try(() =>
    {
        foreach (var folder in folders.Values.Distinct()) Directory.CreateDirectory(folder);
        if (folders.ContainsKey("pids")) Set("pids", "pids.max", $"{processes}");
    });

    /// <summary>So much memory and no swap, so much of the processors. Once, before its program is started.</summary>
    public void Limit(long memoryMb, double cores) => Try(() =>
    {
        var bytes = (memoryMb << 20).ToString(CultureInfo.InvariantCulture);
        _cores = cores;
        if (isVersion2)
        {
            Set("memory", "memory.max", bytes);
            TrySet("memory", "memory.swap.max", "0");
            TrySet("memory", "memory.oom.group", "1");
        }
        else
        {
            Set("memory", "memory.limit_in_bytes", bytes);
            TrySet("memory", "memory.memsw.limit_in_bytes", bytes);
        }
        SetProcessorShare(Math.Max(1, cores));
    });

    private static void Try(Action change)
    {
        try
        {
            change();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"This machine's control groups cannot be used any more: {e.Message}", e);
        }
    }

    /// <summary>
    /// For a run that reserved less than one processor. Until then it has a whole one: with a fiftieth of one an interpreter alone would need seconds to start.
    /// </summary>
    public void HoldToItsShare()
    {
        if (_cores >= 1) return;
        SetProcessorShare(_cores);
        _cores = 1;
    }

    private void SetProcessorShare(double cores)
    {
        var quota = Math.Max(LeastUs, (long)(cores * PeriodUs));
        if (isVersion2)
        {
            TrySet("cpu", "cpu.max", $"{quota} {PeriodUs}");
            return;
        }
        TrySet("cpu", "cpu.cfs_period_us", $"{PeriodUs}");
        TrySet("cpu", "cpu.cfs_quota_us", $"{quota}");
    }

    /// <summary>What its processes keep in memory: their own pages and shared ones, once; not the files that the kernel may drop.</summary>
    public long MemoryBytes()
    {
        var text = MachineProbe.Text(Path.Combine(Memory, "memory.stat"));
        return isVersion2 ? Value(text, "anon") + Value(text, "shmem") : Value(text, "total_rss") + Value(text, "total_shmem");
    }

    /// <summary>The most it ever was, files included that the kernel may drop; null where the kernel does not keep that.</summary>
    public long? MostBytes() => long.TryParse(MachineProbe.Text(Path.Combine(Memory, isVersion2 ? "memory.peak" : "memory.max_usage_in_bytes")).Trim(),
        NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : null;

    /// <summary>The kernel has stopped some of it for its memory.</summary>
    public bool IsOutOfMemory => isVersion2
        ? Value(MachineProbe.Text(Path.Combine(Memory, "memory.events")), "oom_kill") > 0
        : Value(MachineProbe.Text(Path.Combine(Memory, "memory.oom_control")), "oom_kill") > 0;

    /// <summary>Kills all at once where the kernel can do that; where not, the caller does one by one.</summary>
    public void Kill()
    {
        try
        {
            var file = Path.Combine(Memory, "cgroup.kill");
            if (isVersion2 && File.Exists(file)) Cgroups.Write(file, "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // One by one, then.
        }
    }

    public void Dispose()
    {
        if (!TryRemove()) parent.Leave(this);
    }

    internal bool TryRemove() => folders.Values.Distinct().Count(folder => !Cgroups.TryRemove(folder)) == 0;

    private void Set(string controller, string file, string value) => Cgroups.Write(Path.Combine(folders[controller], file), value);

    /// <summary>Not every kernel has it.</summary>
    private void TrySet(string controller, string file, string value)
    {
        if (folders.TryGetValue(controller, out var folder) && File.Exists(Path.Combine(folder, file))) Set(controller, file, value);
    }

    private static long Value(string text, string key)
    {
        foreach (var line in text.Split('\n'))
            if (line.StartsWith(key, StringComparison.Ordinal) && line.Length > key.Length && line[key.Length] == ' ')
                return long.TryParse(line.AsSpan(key.Length + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0;
        return 0;
    }
}

/// <summary>Where the control groups of this process are to be seen: the folder of version 2, and of version 1 one for each controller.</summary>
internal sealed record CgroupMounts(string? Version2, IReadOnlyDictionary<string, string> Version1)
{
    /// <summary>From /proc/self/mountinfo and /proc/self/cgroup.</summary>
    public static CgroupMounts Parse(string mountinfo, string cgroup)
    {
        string? version2 = null;
        Dictionary<string, string> version1 = [];
        var own = cgroup.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(':', 3)).Where(parts => parts.Length == 3).ToArray();
        foreach (var line in mountinfo.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var halves = line.Split(" - ", 2);
            var (left, right) = (halves[0].Split(' '), halves.Length > 1 ? halves[1].Split(' ') : []);
            if (left.Length < 5 || right.Length < 3) continue;
            var (root, point) = (left[3], left[4]);
            if (right[0] == "cgroup2" && own.FirstOrDefault(parts => parts[0] == "0") is { } unified)
                version2 ??= Below(point, root, unified[2]);
            if (right[0] != "cgroup") continue;
            foreach (var controller in right[2].Split(','))
                if (own.FirstOrDefault(parts => parts[1].Split(',').Contains(controller)) is { } group)
                    version1.TryAdd(controller, Below(point, root, group[2]));
        }
        return new CgroupMounts(version2, version1);
    }

    /// <summary>A container sees a part of the tree only: its paths begin where that does.</summary>
    private static string Below(string point, string root, string path)
    {
        if (root != "/" && path.StartsWith(root, StringComparison.Ordinal)) path = path[root.Length..];
        return path is "" or "/" ? point : point + "/" + path.Trim('/');
    }
}
