using System.Globalization;
using System.IO.Enumeration;
using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What the files of a run take: lengths in whole blocks, so that many small files count, holes and second names too. What it has deleted
/// and still holds open counts as far as it has read or written it. A folder that a program shut to its own user is not seen into: who must
/// hold that off gives runs a file system with a quota.
/// </summary>
internal static class DiskUse
{
    private const long Block = 4096;
    private const string Deleted = " (deleted)";
    private static readonly EnumerationOptions All = new() { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = 0 };

    public static long Bytes(RunPlace place, IEnumerable<int> processes) =>
        new[] { place.Task, place.Temporary, place.Shared }.Sum(Folder) + Open(processes);

    /// <summary>0 for a folder that is going away.</summary>
    public static long Folder(string folder)
    {
        try
        {
            return new FileSystemEnumerable<long>(folder, (ref FileSystemEntry entry) => Size(ref entry), All)
            {
                ShouldRecursePredicate = (ref FileSystemEntry entry) => !IsLink(ref entry),
            }.Sum();
        }
        catch (IOException)
        {
            return 0;
        }
    }

    private static long Size(ref FileSystemEntry entry) => IsLink(ref entry) || entry.IsDirectory ? Block : Blocks(entry.Length);

    private static bool IsLink(ref FileSystemEntry entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint);

    private static long Blocks(long bytes) => (bytes + Block - 1) / Block * Block;

    /// <summary>The same file may be open many times, in many processes: by its name it counts once.</summary>
    private static long Open(IEnumerable<int> processes)
    {
        var files = new Dictionary<string, long>();
        foreach (var process in processes)
            foreach (var (name, position) in DeletedFiles(process))
                files[name] = Math.Max(position, files.GetValueOrDefault(name));
        return files.Values.Sum(Blocks);
    }

    private static IEnumerable<(string Name, long Position)> DeletedFiles(int process)
    {
        foreach (var descriptor in Descriptors(process))
            if (Target(descriptor) is { } name && IsOnDisk(name))
                yield return (name, ProcFiles.Position(MachineProbe.Text($"/proc/{process}/fdinfo/{Path.GetFileName(descriptor)}")));
    }

    /// <summary>Memory has deleted files too: these are counted as memory.</summary>
    private static bool IsOnDisk(string name) => name.EndsWith(Deleted, StringComparison.Ordinal) && name.StartsWith('/')
        && !name.StartsWith("/memfd:", StringComparison.Ordinal) && !name.StartsWith("/dev/zero", StringComparison.Ordinal)
        && !name.StartsWith("/SYSV", StringComparison.Ordinal);

    private static string[] Descriptors(int process)
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

    private static string? Target(string descriptor)
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
