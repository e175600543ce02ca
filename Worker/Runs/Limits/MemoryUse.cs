using System.Globalization;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What the processes of a run keep in memory where no control group counts it: their own pages, a shared one by its share, and once what lies
/// in memory files (memfd, shared mappings, System V) that one of them has open or mapped. Never what is only reserved, nor pages of files on
/// a disk, which the kernel may drop. A process that ends while it is looked at counts nothing.
/// </summary>
internal static class MemoryUse
{
    public static long Bytes(IReadOnlyList<int> processes)
    {
        long own = 0, mapped = 0;
        foreach (var process in processes)
        {
            var (anonymousKb, sharedKb) = ProcFiles.Shares(MachineProbe.Text($"/proc/{process}/smaps_rollup"));
            own += anonymousKb << 10;
            mapped += sharedKb << 10;
        }
        var files = OpenMemoryFiles(processes);
        if (files.Count == 0) return own + mapped;
        if (mapped > 0) mapped = processes.Sum(process => MappedOnly(MachineProbe.Text($"/proc/{process}/smaps"), files));
        return own + mapped + files.Values.Sum();
    }

    /// <summary>Each once, by its device and number, however many processes hold it.</summary>
    private static Dictionary<FileId, long> OpenMemoryFiles(IReadOnlyList<int> processes)
    {
        Dictionary<FileId, long> files = [];
        foreach (var process in processes)
            foreach (var descriptor in OpenFiles.Of(process))
                if (OpenFiles.Target(descriptor) is { } name && MappedFile.IsInMemory(name) && NativeFiles.StatPath(descriptor, out var stat))
                    files[stat.Id] = stat.Bytes;
        return files;
    }

    /// <summary>The shares of memory files that are mapped and that nobody has open any more, in bytes, from /proc/PID/smaps.</summary>
    internal static long MappedOnly(string smaps, IReadOnlyDictionary<FileId, long> open)
    {
        var (bytes, counts) = (0L, false);
        foreach (var line in smaps.Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && words[0].Contains('-', StringComparison.Ordinal) && !words[0].EndsWith(':'))
                counts = words.Length > 5 && MappedFile.IsInMemory(string.Join(' ', words[5..])) && MappedFile.Id(words[3], words[4]) is { } key && !open.ContainsKey(key);
            else if (counts && words.Length > 1 && words[0] == "Pss:" && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var kb))
                bytes += kb << 10;
        }
        return bytes;
    }
}
