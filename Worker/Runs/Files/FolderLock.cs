namespace HiveMind.Workers.Runs;

/// <summary>
/// A folder that is held for as long as its process lives. Where the system can, the folder itself is locked: a file in it could be
/// replaced by a program.
/// </summary>
internal static class FolderLock
{
    private const string LockName = "lock";

    /// <summary>Null: another holds it, or it is gone.</summary>
    public static IDisposable? TryTake(string folder) => NativeFiles.IsSupported ? TakeFolder(folder) : TakeFile(folder);

    private static Held? TakeFolder(string folder)
    {
        // A program may have shut the folder of its worker: it is opened again to be removed.
        var descriptor = NativeFiles.OpenPathUnlocked(folder);
        if (descriptor < 0)
            return null;
        var held = new Held(descriptor);
        if (NativeFiles.TryLock(descriptor) && IsStillThere(descriptor, folder) && !IsHeldByFile(folder))
            return held;
        held.Dispose();
        return null;
    }

    private static unsafe bool IsStillThere(int descriptor, string folder) =>
        NativeFiles.Stat(descriptor, null, out var open) && NativeFiles.StatLink(folder, out var named) && open.Id == named.Id;

    /// <summary>As workers of before hold theirs.</summary>
    private static bool IsHeldByFile(string folder)
    {
        var file = Path.Combine(folder, LockName);
        if (!NativeFiles.StatLink(file, out var stat) || stat.Kind != FileKind.File)
            return false;
        try
        {
            new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.None).Dispose();
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static FileStream? TakeFile(string folder)
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

    private sealed class Held(int descriptor) : IDisposable
    {
        private int _descriptor = descriptor;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _descriptor, -1) is >= 0 and var open)
                _ = NativeFiles.Close(open);
        }
    }
}
