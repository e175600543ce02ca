namespace HiveMind.Workers.Runs;

/// <summary>The folders of one run: what the program sees, and beside it what only the worker sees (its output).</summary>
public sealed record RunPlace(string Root)
{
    public string Task => Path.Combine(Root, "task");
    /// <summary>By a short path, if there is one: programs put sockets there, and a socket's path holds 107 bytes.</summary>
    public string Temporary => Path.Combine(ShortRoot ?? Root, "tmp");
    public string Shared => Path.Combine(Root, "shm");
    public string Program => Path.Combine(Task, "main.py");
    /// <summary>Where standard input is a file.</summary>
    public string Stdin => Path.Combine(Root, "stdin");
    public string Stdout => Path.Combine(Root, "stdout");
    public string Stderr => Path.Combine(Root, "stderr");
    /// <summary>What the launcher says of the program.</summary>
    public string Status => Path.Combine(Root, "status");
    /// <summary>The processors it is told that there are, as the kernel writes them.</summary>
    public string Processors => Path.Combine(Root, "processors");

    /// <summary>What the program may write to, by the worker's own paths.</summary>
    internal IReadOnlyList<string> ProgramFolders => [Task, Path.Combine(Root, "tmp"), Shared];
    /// <summary>Waits in it already, started in advance; null: nothing does.</summary>
    internal Launch? Launch { get; init; }
    /// <summary>Another way to <see cref="Root"/>.</summary>
    internal string? ShortRoot { get; init; }
    /// <summary>Removes what takes long beside the runs; null: it is waited for.</summary>
    internal FolderCleaner? Cleaner { get; init; }

    public static RunPlace Create(string root) => new RunPlace(root).Create();

    internal RunPlace Create()
    {
        PrivateFolder.Create(Root);
        foreach (var folder in ProgramFolders)
            PrivateFolder.Create(folder);
        return this;
    }

    /// <summary>The program is gone: what it wrote goes, its output stays until the hub has it.</summary>
    /// <param name="gone">Called once when nothing of it takes room any more; perhaps much later.</param>
    public void RemoveProgram(Action? gone = null) => Remove(gone, ProgramFolders);

    public void Remove() => Remove(null, [Root]);

    private void Remove(Action? gone, IReadOnlyList<string> folders)
    {
        Launch?.Dispose();
        if (Cleaner is not null)
        {
            Cleaner.Remove(folders, gone);
            return;
        }
        foreach (var folder in folders)
            Remove(folder);
        gone?.Invoke();
    }

    /// <summary>Removes a folder whatever a program left in it. Never fails: what cannot be removed stays.</summary>
    public static void Remove(string folder) => FolderRemoval.Remove(folder);
}

/// <summary>Folders that only this user may enter; on Windows, where programs are not run, a folder's own rights do.</summary>
internal static class PrivateFolder
{
    public const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerOnly);
    }
}
