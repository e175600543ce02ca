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
                if (IsInMemory(OpenFiles.Target(descriptor)) && NativeFiles.StatPath(descriptor, out var stat))
                    files[stat.Id] = stat.Bytes;
        return files;
    }

    private static bool IsInMemory(string? name) => name is not null && (name.StartsWith("/memfd:", StringComparison.Ordinal)
        || name.StartsWith("/dev/zero (deleted)", StringComparison.Ordinal) || name.StartsWith("/SYSV", StringComparison.Ordinal));

    /// <summary>The shares of memory files that are mapped and that nobody has open any more, in bytes, from /proc/PID/smaps.</summary>
    internal static long MappedOnly(string smaps, IReadOnlyDictionary<FileId, long> open)
    {
        var (bytes, counts) = (0L, false);
        foreach (var line in smaps.Split('\n'))
        {
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && words[0].Contains('-', StringComparison.Ordinal) && !words[0].EndsWith(':'))
                counts = words.Length > 5 && IsInMemory(string.Join(' ', words[5..])) && Key(words[3], words[4]) is { } key && !open.ContainsKey(key);
            else if (counts && words.Length > 1 && words[0] == "Pss:" && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var kb))
                bytes += kb << 10;
        }
        return bytes;
    }

    /// <summary>"00:01" and the number, as they are written there.</summary>
    private static FileId? Key(string device, string number)
    {
        var parts = device.Split(':');
        return parts.Length == 2 && uint.TryParse(parts[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var major)
            && uint.TryParse(parts[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var minor)
            && ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var inode) ? new FileId(((ulong)major << 32) | minor, inode) : null;
    }
}

/// <summary>The files that a process has open, as /proc lists them.</summary>
internal static class OpenFiles
{
    /// <summary>Paths that lead to the files themselves, also to deleted ones; none for a process that has ended.</summary>
    public static string[] Of(int process)
    {
        try
        {
            return Directory.GetFileSystemEntries($"/proc/{process}/fd");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static string? Target(string descriptor)
    {
        try
        {
            return new FileInfo(descriptor).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
