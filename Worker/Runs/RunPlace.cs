namespace HiveMind.Workers.Runs;

/// <summary>The folders of one run: what the program sees, and beside it what only the worker sees (its output).</summary>
public sealed record RunPlace(string Root)
{
    public string Task => Path.Combine(Root, "task");
    public string Temporary => Path.Combine(Root, "tmp");
    public string Shared => Path.Combine(Root, "shm");
    public string Program => Path.Combine(Task, "main.py");
    public string Stdout => Path.Combine(Root, "stdout");
    public string Stderr => Path.Combine(Root, "stderr");

    public static RunPlace Create(string root)
    {
        var place = new RunPlace(root);
        foreach (var folder in new[] { root, place.Task, place.Temporary, place.Shared })
            PrivateFolder.Create(folder);
        return place;
    }

    /// <summary>The program is gone: what it wrote goes, its output stays until the hub has it.</summary>
    public void RemoveProgram()
    {
        foreach (var folder in new[] { Task, Temporary, Shared })
            Remove(folder);
    }

    public void Remove() => Remove(Root);

    /// <summary>Removes a folder even where a program took its own rights away.</summary>
    public static void Remove(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            RemoveLocked(folder);
        }
    }

    private static void RemoveLocked(string folder)
    {
        try
        {
            Unlock(new DirectoryInfo(folder));
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next worker's start removes it; a run must not fail for it.
        }
    }

    private static void Unlock(DirectoryInfo folder)
    {
        if (folder.LinkTarget is not null)
            return;
        PrivateFolder.Unlock(folder);
        foreach (var inner in folder.EnumerateDirectories())
            Unlock(inner);
    }
}

/// <summary>Folders that only this user may enter; on Windows, where programs are not run, a folder's own rights do.</summary>
internal static class PrivateFolder
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(path);
        else
            Directory.CreateDirectory(path, OwnerOnly);
    }

    public static void Unlock(DirectoryInfo folder)
    {
        if (!OperatingSystem.IsWindows())
            folder.UnixFileMode = OwnerOnly;
    }
}
