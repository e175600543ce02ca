using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>Control groups of both versions against a tree of plain files: what is written where, what is read, and when there are none.</summary>
public sealed class CgroupTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;
    private readonly List<Cgroups> _found = [];

    public void Dispose()
    {
        foreach (var file in Directory.EnumerateFiles(_root, "*", SearchOption.AllDirectories)) File.Delete(file);
        foreach (var found in _found) found.Dispose();
        RunPlace.Remove(_root);
    }

    [Fact]
    public void Version2_GivenToThisProcess_EveryRunGetsItsLimits()
    {
        Tree("cpuset cpu io memory pids", "cpu memory pids");
        using var run = Open(out var folder, 64, 1.5, 100,
            "memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max");
        Assert.Equal("+memory +pids +cpu", Text(Path.GetDirectoryName(folder)!, "cgroup.subtree_control"));
        Assert.Equal(["67108864", "0", "1", "100", "150000 100000"],
            new[] { "memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max" }.Select(file => Text(folder, file)));
        Assert.Equal([Path.Combine(folder, "cgroup.procs")], run.JoinFiles);
        Assert.True(run.LimitsProcesses);
    }

    [Theory]
    [InlineData(0.001, "100000 100000", "1000 100000")]
    [InlineData(0.5, "100000 100000", "50000 100000")]
    [InlineData(1, "100000 100000", "100000 100000")]
    [InlineData(3, "300000 100000", "300000 100000")]
    public void Version2_Cores_AreAShareOfTheKernelsPeriodAndAWholeOneForTheStart(double cores, string atFirst, string then)
    {
        Tree("cpu memory pids", "cpu memory pids");
        using var run = Open(out var folder, 64, cores, 100, "cpu.max");
        Assert.Equal(atFirst, Text(folder, "cpu.max"));
        run.HoldToItsShare();
        run.HoldToItsShare();
        Assert.Equal(then, Text(folder, "cpu.max"));
    }

    [Fact]
    public void Version2_WhatTheKernelTells_IsRead()
    {
        Tree("memory pids", "memory pids");
        using var run = Open(out var folder, 64, 1, 100, "cgroup.kill");
        Assert.Equal((0, null, false, 0), (run.MemoryBytes(), run.MostBytes(), run.IsOutOfMemory, run.Processes.Count));
        Write(folder, "memory.stat", "anon 1000\nanon_thp 7\nfile 5000\nkernel 9\nshmem 20\nshmem_thp 3\n");
        Write(folder, "memory.peak", "4096\n");
        Write(folder, "memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\noom_group_kill 1\n");
        Write(folder, "cgroup.procs", "12\n34\n");
        Assert.Equal((1020, 4096, false), (run.MemoryBytes(), run.MostBytes(), run.IsOutOfMemory));
        Assert.Equal([12, 34], run.Processes);
        Write(folder, "memory.events", "max 3\noom 1\noom_kill 2\noom_group_kill 1\n");
        Assert.True(run.IsOutOfMemory);
        run.Kill();
        Assert.Equal("1", Text(folder, "cgroup.kill"));
    }

    [Fact]
    public void Version2_OlderKernel_WhatItDoesNotHaveIsLeftOut()
    {
        Tree("memory", "memory");
        using var run = Open(out var folder, 64, 1, 100);
        run.Kill();
        Assert.Equal("67108864", Text(folder, "memory.max"));
        Assert.False(run.LimitsProcesses);
        Assert.Equal([Path.Combine(folder, "memory.max")], Directory.EnumerateFiles(folder));
    }

    [Fact]
    public void Version2_NotGivenYet_IsAskedFor()
    {
        Tree("cpu memory pids", "");
        using var run = Open(out _, 64, 1, 100);
        Assert.Equal("+memory +pids +cpu", Text(_root, "cgroup.subtree_control"));
    }

    [Theory]
    [InlineData("cpu io pids", false, "no memory controller")]
    [InlineData("", false, "no memory controller")]
    [InlineData("cpu memory pids", true, "was not given to it")]
    public void Version2_CannotBeHad_SaysWhy(string controllers, bool isRefused, string says)
    {
        Tree(controllers, "");
        if (isRefused)
        {
            File.Delete(Path.Combine(_root, "cgroup.subtree_control"));
            Directory.CreateDirectory(Path.Combine(_root, "cgroup.subtree_control")); // cannot be written, by root neither
        }
        var (found, note) = Find();
        Assert.Null(found);
        Assert.Contains(says, note, StringComparison.Ordinal);
    }

    [Fact]
    public void Version2_TheKernelRefusesTheControllers_ThisProcessIsBackWhereItWas()
    {
        // A file of the kernel that does not take these words either.
        const string refuses = "/proc/self/oom_score_adj";
        Assert.SkipUnless(File.Exists(refuses), "There is no /proc here.");
        Tree("memory", "");
        File.Delete(Path.Combine(_root, "cgroup.subtree_control"));
        File.CreateSymbolicLink(Path.Combine(_root, "cgroup.subtree_control"), refuses);
        var (found, note) = Find();
        File.Delete(Path.Combine(_root, "cgroup.subtree_control"));
        Assert.Null(found);
        Assert.Contains("was not given to it", note, StringComparison.Ordinal);
        Assert.Equal($"{Environment.ProcessId}", Text(_root, "cgroup.procs"));
    }

    [Fact]
    public void Version2_CannotBeHad_Version1IsTaken()
    {
        Tree("", "");
        var memory = Directory.CreateDirectory(Path.Combine(_root, "memory")).FullName;
        var (found, note) = Find(new Dictionary<string, string> { ["memory"] = memory });
        Assert.Equal((false, "cgroup v1", ""), (found!.IsVersion2, found.Kind, note));
    }

    [Fact]
    public void Version1_EveryController_HasAFolderOfItsOwn()
    {
        string[] controllers = ["memory", "pids", "cpu"];
        var parents = controllers.ToDictionary(one => one, one => Directory.CreateDirectory(Path.Combine(_root, one)).FullName);
        var (found, _) = Cgroups.Find(new CgroupMounts(null, parents));
        _found.Add(found!);
        foreach (var (controller, file) in new[] { ("memory", "memory.memsw.limit_in_bytes"), ("cpu", "cpu.cfs_period_us"), ("cpu", "cpu.cfs_quota_us") })
            Write(Directory.CreateDirectory(Path.Combine(Directory.GetDirectories(parents[controller]).Single(), "run-1")).FullName, file, "");
        using var run = found!.Open(50);
        run.Limit(64, 0.25);
        run.HoldToItsShare();
        string Of(string controller, string file) => Text(Path.Combine(Directory.GetDirectories(parents[controller]).Single(), "run-1"), file);
        Assert.Equal(("67108864", "67108864", "50", "100000", "25000"), (Of("memory", "memory.limit_in_bytes"), Of("memory", "memory.memsw.limit_in_bytes"),
            Of("pids", "pids.max"), Of("cpu", "cpu.cfs_period_us"), Of("cpu", "cpu.cfs_quota_us")));
        Assert.Equal(controllers.Select(one => Path.Combine(Directory.GetDirectories(parents[one]).Single(), "run-1", "tasks")), run.JoinFiles);
        var memory = Path.Combine(Directory.GetDirectories(parents["memory"]).Single(), "run-1");
        Write(memory, "memory.stat", "rss 1\nshmem 1\ntotal_rss 1000\ntotal_shmem 20\n");
        Write(memory, "memory.max_usage_in_bytes", "5000\n");
        Write(memory, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
        Assert.Equal((1020, 5000, true), (run.MemoryBytes(), run.MostBytes(), run.IsOutOfMemory));
    }

    [Fact]
    public void Find_GroupsOfDeadWorkers_AreRemovedAndOthersStay()
    {
        Tree("memory", "memory");
        var dead = Directory.CreateDirectory(Path.Combine(_root, "hivemind-2147483647-1-1", "run-1")).FullName;
        var reused = Directory.CreateDirectory(Path.Combine(_root, $"hivemind-{Environment.ProcessId}-1-1")).FullName;
        var living = Directory.CreateDirectory(Path.Combine(_root, $"hivemind-{Environment.ProcessId}-{Cgroups.StartOf(Environment.ProcessId)}-99999")).FullName;
        var others = Directory.CreateDirectory(Path.Combine(_root, "hivemind-of-somebody")).FullName;
        Find();
        Assert.Equal((false, false, true, true), (Directory.Exists(dead), Directory.Exists(reused), Directory.Exists(living), Directory.Exists(others)));
    }

    private void Tree(string controllers, string given)
    {
        Write(_root, "cgroup.controllers", controllers + "\n");
        Write(_root, "cgroup.subtree_control", given + "\n");
    }

    private (Cgroups? Found, string Note) Find(Dictionary<string, string>? version1 = null)
    {
        var found = Cgroups.Find(new CgroupMounts(_root, version1 ?? []));
        if (found.Found is not null) _found.Add(found.Found);
        return found;
    }

    /// <summary>Opens a run's group in whose folder the kernel has put these files.</summary>
    private RunCgroup Open(out string folder, long memoryMb, double cores, int processes, params string[] files)
    {
        var (found, note) = Find();
        Assert.Equal("", note);
        folder = Directory.CreateDirectory(Path.Combine(Directory.GetDirectories(_root).Single(), "run-1")).FullName;
        foreach (var file in files) Write(folder, file, "");
        var run = found!.Open(processes);
        run.Limit(memoryMb, cores);
        return run;
    }

    private static string Text(string folder, string file) => File.ReadAllText(Path.Combine(folder, file)).Trim();

    private static void Write(string folder, string file, string text) => File.WriteAllText(Path.Combine(folder, file), text);
}
