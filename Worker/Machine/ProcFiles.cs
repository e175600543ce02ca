using System.Globalization;

namespace HiveMind.Workers.Machine;

/// <summary>CPU time since boot, in clock ticks.</summary>
public readonly record struct CpuTimes(long Busy, long Total)
{
    /// <summary>Percent of all cores used since an earlier reading.</summary>
    public double PercentSince(CpuTimes earlier) =>
        Total > earlier.Total ? Math.Clamp(100.0 * (Busy - earlier.Busy) / (Total - earlier.Total), 0, 100) : 0;
}

/// <summary>One process as the kernel lists it; its processor time is that of the children too that it has waited for.</summary>
public readonly record struct ProcessEntry(int Id, int ParentId, int GroupId, char State, long CpuTicks = 0);

/// <summary>Pure readers of what the kernel and nvidia-smi print; a text that says nothing useful gives null or nothing.</summary>
public static class ProcFiles
{
    /// <summary>The unit in which Linux tells processes' times, on every machine that .NET runs on.</summary>
    public const int TicksPerSecond = 100;

    /// <summary>A field of /proc/meminfo in MiB.</summary>
    public static long? MeminfoMb(string text, string field) => StatusKb(text, field) / 1024;

    /// <summary>A field of /proc/PID/status or its like in KiB.</summary>
    public static long? StatusKb(string text, string field)
    {
        foreach (var line in text.Split('\n'))
        {
            if (!line.StartsWith(field + ":", StringComparison.Ordinal))
                continue;
            var words = line[(field.Length + 1)..].Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            return words.Length > 0 && long.TryParse(words[0], CultureInfo.InvariantCulture, out var kb) ? kb : null;
        }
        return null;
    }

    /// <summary>The rest of a line "NAME:\tvalue", as in /proc/PID/status.</summary>
    public static string? Field(string text, string name) => text.Split('\n').FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal))?[(name.Length + 1)..].Trim();

    /// <summary>A cgroup's memory limit in MiB; null for "max" and for the huge number by which the old kind says the same.</summary>
    public static long? CgroupLimitMb(string text) =>
        long.TryParse(text.Trim(), CultureInfo.InvariantCulture, out var bytes) && bytes is > 0 and < 1L << 50 ? bytes >> 20 : null;

    /// <summary>The limit files that apply to a process, from its /proc/self/cgroup: its own group's and every one above.</summary>
    public static IEnumerable<string> CgroupLimitFiles(string text)
    {
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 3);
            if (parts.Length != 3 || (parts[1] != "" && !parts[1].Split(',').Contains("memory")))
                continue;
            var (root, file) = parts[1] == "" ? ("/sys/fs/cgroup", "memory.max") : ("/sys/fs/cgroup/memory", "memory.limit_in_bytes");
            for (var path = parts[2].TrimEnd('/'); ; path = path[..path.LastIndexOf('/')])
            {
                yield return $"{root}{path}/{file}";
                if (!path.Contains('/', StringComparison.Ordinal))
                    break;
            }
        }
    }

    /// <summary>The first line of /proc/stat; idle and waiting for disks are not busy.</summary>
    public static CpuTimes? Cpu(string text)
    {
        var line = text.Split('\n')[0];
        if (!line.StartsWith("cpu ", StringComparison.Ordinal))
            return null;
        var ticks = line.Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1).Take(8)
            .Select(w => long.TryParse(w, CultureInfo.InvariantCulture, out var n) ? n : 0).ToArray();
        if (ticks.Length < 5)
            return null;
        var total = ticks.Sum();
        return new CpuTimes(total - ticks[3] - ticks[4], total);
    }

    /// <summary>A line of /proc/PID/stat; the name in parentheses may hold anything, so the fields count from its last ')'.</summary>
    public static ProcessEntry? Process(string text)
    {
        var open = text.IndexOf('(');
        var close = text.LastIndexOf(')');
        if (open < 1 || close < open || !int.TryParse(text.AsSpan(0, open).Trim(), CultureInfo.InvariantCulture, out var id))
            return null;
        var fields = text[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length >= 3 && int.TryParse(fields[1], CultureInfo.InvariantCulture, out var parent)
            && int.TryParse(fields[2], CultureInfo.InvariantCulture, out var group)
            ? new ProcessEntry(id, parent, group, fields[0][0], fields.Skip(11).Take(4).Sum(Ticks))
            : null;

        static long Ticks(string field) => long.TryParse(field, CultureInfo.InvariantCulture, out var ticks) ? ticks : 0;
    }

    /// <summary>
    /// The process's fair share of its own pages (also of those that went to the swap) and of shared memory, in KiB, from /proc/PID/smaps_rollup; zeros
    /// for one that is just ending. A kernel from before 5.4 tells only all in one, files included.
    /// </summary>
    public static (long AnonymousKb, long SharedMemoryKb) Shares(string text)
    {
        var own = Field("Pss_Anon:") ?? Field("Pss:") ?? 0;
        return (own + (Field("SwapPss:") ?? 0), Field("Pss_Shmem:") ?? 0);

        long? Field(string name)
        {
            foreach (var line in text.Split('\n'))
                if (line.StartsWith(name, StringComparison.Ordinal))
                    return long.TryParse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture, out var kb) ? kb : null;
            return null;
        }
    }

    /// <summary>
    /// nvidia-smi --query-gpu=uuid,memory.total,name --format=csv,noheader,nounits: one GPU a line; the name is last because it may hold
    /// commas. Memory that the driver does not tell ("[N/A]") is 0. What is no such line is no GPU.
    /// </summary>
    public static IReadOnlyList<GpuFound> Gpus(string text)
    {
        List<GpuFound> found = [];
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var fields = line.Split(',', 3, StringSplitOptions.TrimEntries);
            if (fields.Length == 3 && fields[0].StartsWith("GPU-", StringComparison.Ordinal) && fields[2].Length > 0)
                found.Add(new GpuFound(fields[0], fields[2], long.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var mb) ? mb : 0));
        }
        return found;
    }

    /// <summary>The number of a GPU's device file, from /proc/driver/nvidia/gpus/ADDRESS/information, for the GPU of that id.</summary>
    public static int? GpuMinor(string text, string id)
    {
        var fields = text.Split('\n').Select(line => line.Split(':', 2, StringSplitOptions.TrimEntries)).Where(parts => parts.Length == 2)
            .GroupBy(parts => parts[0]).ToDictionary(group => group.Key, group => group.First()[1]);
        return fields.GetValueOrDefault("GPU UUID") == id && int.TryParse(fields.GetValueOrDefault("Device Minor"), NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            ? minor : null;
    }

    /// <summary>nvidia-smi --query-gpu=utilization.gpu --format=csv,noheader,nounits: the mean of all.</summary>
    public static double GpuPercent(string text)
    {
        var values = text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(w => double.TryParse(w, CultureInfo.InvariantCulture, out var n) ? n : 0).ToArray();
        return values.Length == 0 ? 0 : Math.Clamp(values.Average(), 0, 100);
    }

    /// <summary>"Python 3.11.2" → 3.11.2.</summary>
    public static string? PythonVersion(string text)
    {
        var trimmed = text.Trim();
        return trimmed.StartsWith("Python 3.", StringComparison.Ordinal) ? trimmed["Python ".Length..] : null;
    }
}
