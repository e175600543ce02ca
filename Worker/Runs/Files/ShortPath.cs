namespace HiveMind.Workers.Runs;

/// <summary>
/// A short way to a worker's folder that lies deep: a private folder with a link in it. The path of a socket holds 107 bytes, and
/// programs (Python's multiprocessing, database servers) make theirs in the folder for temporary files.
/// </summary>
internal sealed class ShortPath : IDisposable
{
    /// <summary>What a socket's path holds, less what programs put behind the folder for temporary files.</summary>
    private const int MostBytes = 107 - 40;
    private const string RunPart = "/r-123456/tmp", Prefix = "hm-", LinkName = "w";

    private readonly string _folder, _target;

    private ShortPath(string folder, string target) => (_folder, _target) = (folder, target);

    /// <summary>Null: the folder's own path is short enough. Throws IOException where there is no short one.</summary>
    public static ShortPath? For(string root, IReadOnlyList<string>? bases = null)
    {
        if (OperatingSystem.IsWindows() || Fits(root))
            return null;
        foreach (var folder in bases ?? Bases())
        {
            var shorter = new ShortPath(Path.Combine(folder, WorkDirectory.ShortName(Prefix)), root);
            if (!Fits(Path.Combine(shorter._folder, LinkName)))
                continue;
            if (shorter.TryCreate())
                return shorter;
        }
        throw new IOException("its path is too long for the sockets that programs make, and no short link to it can be made in "
            + "$XDG_RUNTIME_DIR or /tmp: choose a shorter one");
    }

    /// <summary>Made again where somebody has tidied up meanwhile.</summary>
    public string? Below(string name) => TryCreate() ? Path.Combine(_folder, LinkName, name) : null;

    public void Dispose() => Remove(_folder);

    private static bool Fits(string root) => System.Text.Encoding.UTF8.GetByteCount(root) + RunPart.Length <= MostBytes;

    private static IReadOnlyList<string> Bases() =>
        [.. new[] { Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR"), "/tmp" }.Where(f => f is { Length: > 0 } && Directory.Exists(f)).OfType<string>()];

    /// <summary>Again where another worker that starts now took the new folder for a dead one's.</summary>
    private bool TryCreate()
    {
        for (var tries = 0; tries < 20; tries++)
            if (TryCreateOnce() is { } done)
                return done;
        return false;
    }

    /// <summary>Null: the folder went while it was being made.</summary>
    private bool? TryCreateOnce()
    {
        try
        {
            var link = new FileInfo(Path.Combine(_folder, LinkName));
            if (IsOwn(_folder) && link.LinkTarget == _target)
                return true;
            if (OperatingSystem.IsWindows() || Path.Exists(_folder))
                return false;
            Directory.CreateDirectory(_folder, PrivateFolder.OwnerOnly);
            if (!IsOwn(_folder))
                return Path.Exists(_folder) ? false : null;
            File.CreateSymbolicLink(link.FullName, _target);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Links of workers that died: what they led to is gone, or they died before there was a link.</summary>
    public static void RemoveStale()
    {
        foreach (var folder in Bases())
            RemoveStale(folder);
    }

    private static void RemoveStale(string parent)
    {
        try
        {
            foreach (var folder in Directory.EnumerateDirectories(parent, Prefix + "??????"[..(8 - Prefix.Length)]))
                if (IsOwn(folder) && (new FileInfo(Path.Combine(folder, LinkName)).LinkTarget is { } target ? !Directory.Exists(target) : IsEmpty(folder)))
                    Remove(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Somebody else's folder, or one that has just gone.
        }
    }

    /// <summary>In a folder that everybody writes to, only what is this user's alone is believed.</summary>
    private static bool IsOwn(string folder) => NativeFiles.IsSupported
        ? NativeFiles.StatLink(folder, out var stat) && stat.Kind == FileKind.Folder && stat.Owner == NativeFiles.User && (stat.Mode & 0x3F) == 0
        : Directory.Exists(folder);

    private static bool IsEmpty(string folder) => !Directory.EnumerateFileSystemEntries(folder).Any();

    private static void Remove(string folder)
    {
        try
        {
            File.Delete(Path.Combine(folder, LinkName));
            Directory.Delete(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Stays until a later start.
        }
    }
}
