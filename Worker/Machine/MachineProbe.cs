using HiveMind.Protos;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Machine;

/// <summary>What this machine is, measured once at start.</summary>
public sealed record MachineFacts
{
    public required double Cores { get; init; }
    public required long MemoryMb { get; init; }
    /// <summary>Lent for the files of runs.</summary>
    public required long DiskMb { get; init; }
    /// <summary>Those that are lent.</summary>
    public IReadOnlyList<GpuFound> Gpus { get; init; } = [];
    /// <summary>"mixed" where they are not all the same: whoever wants a model must not get another.</summary>
    public string GpuModel => Gpus.Select(g => g.Model).Distinct().ToList() switch { [] => "", [var one] => one, _ => "mixed" };
    /// <summary>Of the smallest; 0: not known of every one.</summary>
    public long GpuMemoryMb => Gpus.Count == 0 ? 0 : Gpus.Min(g => g.MemoryMb);
    /// <summary>Null: no python3 here.</summary>
    public required PythonFound? Python { get; init; }
    /// <summary>How programs are kept apart and made to die with the worker.</summary>
    public required Confinement Confinement { get; init; }
    /// <summary>What limits a run's memory, processes and processors; null: they are only looked at.</summary>
    public Cgroups? Groups { get; init; }
    /// <summary>Why there are none.</summary>
    public string GroupsNote { get; init; } = "";
    /// <summary>The processors that runs may use, by the kernel's numbers.</summary>
    public IReadOnlyList<int> Processors { get; init; } = [0];
}

/// <summary>A GPU as its driver names it.</summary>
public sealed record GpuFound(string Id, string Model, long MemoryMb);

/// <summary>A python3 that answered.</summary>
public sealed record PythonFound(string Path, string Version);

/// <summary>Measures the machine: cores, memory, disk and GPUs, and by a real trial run what may confine a program here.</summary>
public static class MachineProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary><paramref name="files"/>: a folder for what runs are started with.</summary>
    public static async Task<MachineFacts> Measure(WorkerOptions options, string files, CancellationToken cancel)
    {
        var gpus = await Gpus(cancel);
        var python = await FindPython(cancel);
        var (groups, note) = await CgroupProbe.Find(cancel);
        return new MachineFacts
        {
            Cores = Capped(Environment.ProcessorCount, options.MaxCores),
            MemoryMb = (long)Capped(Spare(MemoryLimitMb()), options.MaxMemoryMb),
            DiskMb = DiskProbe.Lent(DiskProbe.FreeMb(options.WorkDirectory), options.MaxDiskMb),
            Gpus = options.MaxGpus < 0 ? gpus : [.. gpus.Take(options.MaxGpus)],
            Python = python,
            Confinement = await ConfinementProbe.Find(python, options.NoSandbox, SandboxFiles.Write(files, countsAllMemory: groups is not null), cancel),
            Groups = groups,
            GroupsNote = note,
            Processors = Processors(options.MaxCores),
        };
    }

    /// <summary>What a worker with these options would tell the hub, when it is not started yet.</summary>
    public static Task<NodeCapabilities> Ask(WorkerOptions options, CancellationToken cancel) => Once(options, Capabilities, cancel);

    /// <summary>What an owner wants to know before.</summary>
    public static Task<IReadOnlyList<MachineFinding>> Check(WorkerOptions options, CancellationToken cancel) => Once(options, MachineCheck.Findings, cancel);

    private static async Task<T> Once<T>(WorkerOptions options, Func<MachineFacts, WorkerOptions, T> read, CancellationToken cancel)
    {
        // Where a worker with these options would have its own: what an interrupted look leaves there, the next start removes.
        using var work = TryOpen(options.WorkDirectory);
        var files = work is not null ? Path.Combine(work.Root, "files") : Directory.CreateTempSubdirectory("hivemind-probe-").FullName;
        try
        {
            var facts = await Measure(options, files, cancel);
            using var groups = facts.Groups;
            return read(facts, options);
        }
        finally
        {
            RunPlace.Remove(files);
        }
    }

    private static WorkDirectory? TryOpen(string folder)
    {
        try
        {
            return WorkDirectory.Open(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What the hub is told: nothing that is not so.</summary>
    public static NodeCapabilities Capabilities(MachineFacts facts, WorkerOptions options)
    {
        var sandboxed = facts.Confinement.Isolates;
        var capabilities = new NodeCapabilities
        {
            CpuCores = facts.Cores,
            MemoryMb = facts.MemoryMb,
            DiskMb = facts.DiskMb,
            HasGpu = facts.Gpus.Count > 0,
            GpuCount = facts.Gpus.Count,
            GpuModel = facts.GpuModel,
            GpuMemoryMb = facts.GpuMemoryMb,
            StandardInputFiles = true,
            Sandboxed = sandboxed,
            // Without limits that the kernel keeps, what others run here could take the whole machine.
            AcceptsStrangers = (sandboxed && (facts.Groups is not null || options.AcceptStrangers)) || options.Unsandboxed,
            WorkerVersion = typeof(MachineProbe).Assembly.GetName().Version?.ToString(3) ?? "0",
        };
        foreach (var (key, value) in options.Labels)
            capabilities.Labels[key] = value;
        if (facts.Python is not null && facts.Confinement.DiesWithWorker)
            capabilities.SupportedTasks.Add(TaskTypes.Python);
        if (options.AllowNoop)
            capabilities.SupportedTasks.Add(TaskTypes.Noop);
        return capabilities;
    }

    /// <summary>Those that this process may use, as many as are lent.</summary>
    private static IReadOnlyList<int> Processors(double maxCores)
    {
        var allowed = ProcFiles.Field(Text("/proc/self/status"), "Cpus_allowed_list") is { } list && CpuSlots.Parse(list) is { } found
            ? found : [.. Enumerable.Range(0, Environment.ProcessorCount)];
        return maxCores > 0 ? [.. allowed.Take(Math.Max(1, (int)Math.Ceiling(maxCores)))] : allowed;
    }

    /// <summary>The smaller of the machine's memory and of every cgroup limit above this process.</summary>
    public static long MemoryLimitMb()
    {
        var total = ProcFiles.MeminfoMb(Text("/proc/meminfo"), "MemTotal") ?? GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20;
        return ProcFiles.CgroupLimitFiles(Text("/proc/self/cgroup")).Select(f => ProcFiles.CgroupLimitMb(Text(f)) ?? long.MaxValue)
            .Append(total).Min();
    }

    internal static string Text(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>A lent machine must stay usable: a tenth, at most 1 GiB, is not lent.</summary>
    private static long Spare(long memoryMb) => memoryMb - Math.Min(memoryMb / 10, 1024);

    private static double Capped(double have, double most) => most > 0 ? Math.Min(have, most) : have;

    private static async Task<IReadOnlyList<GpuFound>> Gpus(CancellationToken cancel)
    {
        if (Programs.Find("nvidia-smi") is not { } smi)
            return [];
        var answer = await Programs.Run(smi, ["--query-gpu=uuid,memory.total,name", "--format=csv,noheader,nounits"], Patience, cancel);
        return answer.ExitCode == 0 ? ProcFiles.Gpus(answer.Output) : [];
    }

    /// <summary>The system's own first: a sandboxed program sees the system folders only, not a home with a pyenv in it.</summary>
    private static async Task<PythonFound?> FindPython(CancellationToken cancel)
    {
        foreach (var path in new[] { "/usr/bin/python3", "/usr/local/bin/python3", Programs.Find("python3") }.OfType<string>().Distinct())
        {
            if (!File.Exists(path))
                continue;
            var answer = await Programs.Run(path, ["--version"], Patience, cancel);
            if (answer.ExitCode == 0 && ProcFiles.PythonVersion(answer.Output) is { } version)
                return new PythonFound(path, version);
        }
        return null;
    }
}

/// <summary>The task types this worker knows how to run.</summary>
public static class TaskTypes
{
    public const string Python = "python", Noop = "noop";
}
