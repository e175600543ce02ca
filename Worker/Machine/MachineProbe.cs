using HiveMind.Protos;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Machine;

/// <summary>What this machine is, measured once at start.</summary>
public sealed record MachineFacts
{
    public required double Cores { get; init; }
    public required long MemoryMb { get; init; }
    public required int GpuCount { get; init; }
    public required string GpuModel { get; init; }
    /// <summary>Null: no python3 here.</summary>
    public required PythonFound? Python { get; init; }
    /// <summary>How programs are kept apart and made to die with the worker.</summary>
    public required Confinement Confinement { get; init; }
}

/// <summary>A python3 that answered.</summary>
public sealed record PythonFound(string Path, string Version);

/// <summary>Measures the machine: cores, memory and GPUs, and by a real trial run what may confine a program here.</summary>
public static class MachineProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<MachineFacts> Measure(WorkerOptions options, CancellationToken cancel)
    {
        var (gpus, model) = await Gpus(cancel);
        var python = await FindPython(cancel);
        return new MachineFacts
        {
            Cores = Capped(Environment.ProcessorCount, options.MaxCores),
            MemoryMb = (long)Capped(Spare(MemoryLimitMb()), options.MaxMemoryMb),
            GpuCount = options.MaxGpus < 0 ? gpus : Math.Min(gpus, options.MaxGpus),
            GpuModel = model,
            Python = python,
            Confinement = await ConfinementProbe.Find(python, options.NoSandbox, cancel),
        };
    }

    /// <summary>What the hub is told: nothing that is not so.</summary>
    public static NodeCapabilities Capabilities(MachineFacts facts, WorkerOptions options)
    {
        var sandboxed = facts.Confinement.Isolates;
        var capabilities = new NodeCapabilities
        {
            CpuCores = facts.Cores,
            MemoryMb = facts.MemoryMb,
            HasGpu = facts.GpuCount > 0,
            GpuCount = facts.GpuCount,
            GpuModel = facts.GpuCount > 0 ? facts.GpuModel : "",
            Sandboxed = sandboxed,
            AcceptsStrangers = sandboxed || options.Unsandboxed,
            WorkerVersion = typeof(MachineProbe).Assembly.GetName().Version?.ToString(3) ?? "0",
        };
        if (facts.Python is not null && facts.Confinement.DiesWithWorker)
            capabilities.SupportedTasks.Add(TaskTypes.Python);
        if (options.AllowNoop)
            capabilities.SupportedTasks.Add(TaskTypes.Noop);
        return capabilities;
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

    private static async Task<(int Count, string Model)> Gpus(CancellationToken cancel)
    {
        if (Programs.Find("nvidia-smi") is not { } smi)
            return (0, "");
        var answer = await Programs.Run(smi, ["--query-gpu=name,memory.total", "--format=csv,noheader"], Patience, cancel);
        return answer.ExitCode == 0 ? ProcFiles.Gpus(answer.Output) : (0, "");
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
