namespace HiveMind.Workers.Runs;

/// <summary>
/// This worker's own folder below the shared one, with a locked file in it: a folder whose lock is free belonged to a worker that is
/// dead, whatever its process id is used for now.
/// </summary>
public sealed class WorkDirectory : IDisposable
{
    private const string LockName = "lock", Prefix = "worker-";
    private readonly FileStream _lock;

    private WorkDirectory(string root, FileStream held) => (Root, _lock) = (root, held);

    public string Root { get; }

    /// <summary>Opens a folder of its own and removes what dead workers left.</summary>
    public static WorkDirectory Open(string parent)
    {
        PrivateFolder.Create(parent);
        foreach (var old in Directory.EnumerateDirectories(parent, Prefix + "*"))
            if (TryLock(old) is { } free)
                using (free)
                    RunPlace.Remove(old);
        var root = Path.Combine(parent, Prefix + Guid.NewGuid().ToString("N"));
        // Locked under another name first, so that no other worker that starts now takes it for a dead one's.
        var building = Path.Combine(parent, "." + Path.GetFileName(root));
        PrivateFolder.Create(building);
        var held = TryLock(building) ?? throw new IOException($"Cannot lock a folder below '{parent}'.");
        Directory.Move(building, root);
        return new WorkDirectory(root, held);
    }

    public RunPlace NewRun() => RunPlace.Create(Path.Combine(Root, "run-" + Guid.NewGuid().ToString("N")));

    public void Dispose()
    {
        RunPlace.Remove(Root);
        _lock.Dispose();
    }

    private static FileStream? TryLock(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
