using HiveMind.Workers.Machine;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What the files of a run take: in its folders (<see cref="FolderUse"/>), and those that it has deleted and still holds open or mapped.
/// Not seen: files that no process holds but that lie in a socket's queue, and what an unisolated program writes outside its folders. Who
/// must hold that off gives runs a file system with a quota.
/// </summary>
internal static class DiskUse
{
    /// <summary>Of a run that moves its folders about again and again, deep down, so that they cannot be counted.</summary>
    public const long Uncountable = 1L << 50;
    private const int MostTries = 3;

    /// <summary>Counts on until it is above <paramref name="most"/>.</summary>
    public static long Bytes(RunPlace place, IEnumerable<int> processes, long most = Uncountable)
    {
        if (!NativeFiles.IsSupported)
            return 0; // no programs are run there
        for (var tries = 0; tries < MostTries; tries++)
        {
            var use = new FolderUse();
            if (place.ProgramFolders.All(folder => use.Add(folder, most)))
                return use.Bytes > most ? use.Bytes : use.Bytes + Open(processes, use.Device);
        }
        return Uncountable;
    }

    /// <summary>The same file may be open many times, in many processes: it counts once.</summary>
    private static long Open(IEnumerable<int> processes, ulong device)
    {
        var files = new Dictionary<FileId, long>();
        foreach (var process in processes)
        {
            foreach (var descriptor in OpenFiles.Of(process))
                Note(descriptor);
            foreach (var line in MachineProbe.Text($"/proc/{process}/maps").Split('\n'))
                if (MappedFile.OfDeleted(line) is { } mapping && !Note($"/proc/{process}/map_files/{mapping.Range}")
                    && IsOnDisk(mapping.File.Device, device))
                    // Whom the system does not let look at the file itself: it is as long as what is mapped of it, at least.
                    files[mapping.File] = Math.Max(mapping.EndOfFile, files.GetValueOrDefault(mapping.File));
        }
        return files.Values.Sum();

        bool Note(string path)
        {
            if (!NativeFiles.StatPath(path, out var stat))
                return false;
            if (stat is { Kind: FileKind.File, Links: 0 } && IsOnDisk(stat.Id.Device, device))
                files[stat.Id] = stat.Bytes;
            return true;
        }
    }

    /// <summary>Memory has deleted files too, on devices of no disk: these are counted as memory.</summary>
    private static bool IsOnDisk(ulong device, ulong ofRuns) => device == ofRuns || device >> 32 != 0;
}
