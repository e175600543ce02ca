namespace HiveMind.Workers.Runs;

/// <summary>
/// This worker's own locked folder below the shared one: a folder whose lock is free belonged to a worker that is dead, whatever its
/// process id is used for now.
/// </summary>
public sealed class WorkDirectory : IDisposable
{
    /// <summary>Workers of before had longer names, and one for a folder that is not locked yet.</summary>
    private static readonly string[] OfWorkers = ["w-*", "worker-*", ".worker-*"];
    private readonly IDisposable _lock;
    private readonly ShortPath? _short;
    private readonly FolderCleaner _cleaner;
    private long _runs;

    private WorkDirectory(string root, IDisposable held, ShortPath? shorter, FolderCleaner cleaner) =>
        (Root, _lock, _short, _cleaner) = (root, held, shorter, cleaner);

    public string Root { get; }

    /// <summary>Still to be removed.</summary>
    internal int LeftoverCount => _cleaner.Left;

    /// <summary>
    /// Opens a folder of its own and removes what dead workers left: what cannot be removed is said and stays. Throws IOException where
    /// no folder can be made.
    /// </summary>
    public static WorkDirectory Open(string parent, IWorkerConsole? console = null, TimeProvider? time = null)
    {
        parent = Path.GetFullPath(parent);
        PrivateFolder.Create(parent);
        var cleaner = new FolderCleaner(console, time ?? TimeProvider.System);
        RemoveDead(parent, cleaner);
        ShortPath.RemoveStale();
        var (root, held) = CreateLocked(parent);
        try
        {
            return new WorkDirectory(root, held, ShortPath.For(root), cleaner);
        }
        catch (IOException)
        {
            FolderRemoval.Remove(root);
            held.Dispose();
            throw;
        }
    }

    public RunPlace NewRun() => Place("r-").Create();

    /// <summary>For a run that is started before anybody asked for it: it is called otherwise until it is one.</summary>
    internal RunPlace NewWarm() => Place("s-").Create();

    /// <summary>What goes on in it goes on. Throws IOException where it cannot be renamed.</summary>
    internal RunPlace ToRun(RunPlace warm)
    {
        var place = Place("r-") with { Launch = warm.Launch };
        Directory.Move(warm.Root, place.Root);
        return place;
    }

    private RunPlace Place(string kind)
    {
        var name = $"{kind}{Interlocked.Increment(ref _runs):x6}";
        return new RunPlace(Path.Combine(Root, name)) { ShortRoot = _short?.Below(name), Cleaner = _cleaner };
    }

    public void Dispose()
    {
        _cleaner.Remove([Root]);
        _cleaner.Dispose();
        _short?.Dispose();
        _lock.Dispose();
    }

    /// <summary>Eight characters: the path of a run must not be long.</summary>
    internal static string ShortName(string prefix) => prefix + Guid.NewGuid().ToString("N")[..(8 - prefix.Length)];

    /// <summary>Each stays locked until it is gone, so that no other worker removes it too.</summary>
    private static void RemoveDead(string parent, FolderCleaner cleaner)
    {
        try
        {
            foreach (var old in OfWorkers.SelectMany(pattern => Directory.EnumerateDirectories(parent, pattern)))
                if (FolderLock.TryTake(old) is { } free)
                {
                    ProcessTree.KillLeft(old);
                    cleaner.Remove([old], () =>
                    {
                        free.Dispose();
                        ShortPath.RemoveStale();
                    });
                }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another worker that starts now removed what was looked at; what is left is for the next start.
        }
    }

    private static (string Root, IDisposable Held) CreateLocked(string parent)
    {
        for (var tries = 0; tries < 100; tries++)
        {
            var root = Path.Combine(parent, ShortName("w-"));
            if (Path.Exists(root))
                continue;
            PrivateFolder.Create(root);
            // Another worker that starts now may have taken it for a dead one's before it was locked.
            if (FolderLock.TryTake(root) is { } held)
                return (root, held);
        }
        throw new IOException($"Cannot lock a folder below '{parent}'.");
    }
}
