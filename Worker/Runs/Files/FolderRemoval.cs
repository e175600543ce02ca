namespace HiveMind.Workers.Runs;

/// <summary>How far a removal came.</summary>
internal enum Removal
{
    Gone,
    /// <summary>Its turn was used up: there is more to remove.</summary>
    Unfinished,
    /// <summary>Something stays, see <see cref="FolderRemoval.Problem"/>.</summary>
    Stuck,
}

/// <summary>
/// Removes a folder with whatever a program left in it: by descriptor and raw name, never through a link or into a mount, and never with
/// an exception. No depth is too deep: a folder that is not empty is moved up to the top and is emptied there, so two descriptors do.
/// </summary>
internal sealed unsafe class FolderRemoval(int most, CancellationToken stop)
{
    /// <summary>How often a folder that cannot be moved up is emptied where it is, one in the other.</summary>
    private const int MostLevels = 32;
    private const int MostMounts = 64;
    /// <summary>To remove a larger file takes longer than a short turn.</summary>
    private const long SmallFile = 16 << 20;
    private const uint All = 0x1C0;
    private long _steps;
    private int _outside = -1;
    private long _moved, _done;

    /// <summary>The first thing that kept it, in the system's words.</summary>
    public string? Problem { get; private set; }

    private bool IsSpent => _steps >= most || stop.IsCancellationRequested;

    /// <summary>At most so many entries at a time.</summary>
    public static (Removal Outcome, string? Problem) Remove(string folder, int most = int.MaxValue, CancellationToken stop = default)
    {
        if (!NativeFiles.IsSupported)
            return RemoveByPath(folder);
        try
        {
            var removal = new FolderRemoval(most, stop);
            return (removal.Run(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))), removal.Problem);
        }
        catch (Exception e)
        {
            // Whatever it is, nothing may fail for what a program left.
            return (Removal.Stuck, e.Message);
        }
    }

    private Removal Run(string folder)
    {
        using var parent = OpenFolder.Of(NativeFiles.OpenPath(Path.GetDirectoryName(folder) ?? "/"));
        if (parent is null)
            return NativeFiles.LastError == NativeFiles.NoEntry ? Removal.Gone : Stuck(NativeFiles.LastError);
        _outside = parent.Descriptor;
        fixed (byte* name = NativeFiles.Name(Path.GetFileName(folder)))
        {
            if (RemoveEntry(parent.Descriptor, name, NativeFiles.FolderType, out var full))
                return Removal.Gone;
            if (full && Open(parent.Descriptor, name) is { } top)
            {
                using (top)
                    Empty(top, 0);
                if (RemoveEntry(parent.Descriptor, name, NativeFiles.FolderType, out _))
                    return Removal.Gone;
            }
        }
        return IsSpent ? Removal.Unfinished : Removal.Stuck;
    }

    private Removal Stuck(int error)
    {
        Problem ??= NativeFiles.Say(error);
        return Removal.Stuck;
    }

    /// <summary>Turn for turn: each moves what the folders at the top hold to the top, or removes it.</summary>
    private void Empty(OpenFolder top, int level)
    {
        bool left;
        long before;
        do
        {
            (left, before) = (false, _done);
            var moved = _moved;
            top.Again();
            byte* name;
            while (!IsSpent && (name = top.Next(out var type)) is not null)
                if (!RemoveEntry(top.Descriptor, name, type, out var full) && full)
                    left |= !EmptyInner(top, name, level);
            left |= _moved != moved;
        }
        while (left && _done != before && !IsSpent);
    }

    private bool EmptyInner(OpenFolder top, byte* name, int level)
    {
        using (var folder = Open(top.Descriptor, name))
        {
            if (folder is null)
                return false;
            byte* inner;
            while (!IsSpent && (inner = folder.Next(out var type)) is not null)
                if (!RemoveEntry(folder.Descriptor, inner, type, out var full) && full && !MoveUp(folder.Descriptor, inner, top.Descriptor)
                    && level < MostLevels && Open(folder.Descriptor, inner) is { } stays)
                    using (stays)
                        Empty(stays, level + 1);
        }
        return RemoveEntry(top.Descriptor, name, NativeFiles.FolderType, out _);
    }

    /// <summary>False where it cannot be: its own rights, another subvolume, a disk so full that the top cannot grow.</summary>
    private bool MoveUp(int folder, byte* name, int top)
    {
        for (var tries = 0; tries < 3; tries++)
        {
            int error;
            fixed (byte* free = NativeFiles.Name($".~{_moved++:x}"))
                error = NativeFiles.MoveAt(folder, name, top, free);
            switch (error)
            {
                case 0:
                    _done++;
                    return true;
                case NativeFiles.NotEmpty or NativeFiles.Exists or NativeFiles.NotDirectory or NativeFiles.IsDirectory:
                    tries--; // the program has taken that name
                    continue;
                case NativeFiles.AccessDenied or NativeFiles.NotPermitted:
                    Unlock(folder, name);
                    continue;
                default:
                    return false;
            }
        }
        return false;
    }

    /// <summary>False and full: a folder with something in it. False and not full: it stays, for the reason that is noted.</summary>
    private bool RemoveEntry(int parent, byte* name, byte type, out bool full)
    {
        full = false;
        _steps++;
        if (most < int.MaxValue && type == NativeFiles.FileType && NativeFiles.Stat(parent, name, out var stat) && stat.Bytes > SmallFile)
        {
            _steps = most;
            return false;
        }
        var (folder, unlocked, mounts) = (type == NativeFiles.FolderType, false, 0);
        while (true)
        {
            var error = folder ? NativeFiles.RemoveFolderAt(parent, name) : NativeFiles.RemoveFileAt(parent, name);
            switch (error)
            {
                case 0 or NativeFiles.NoEntry:
                    _done++;
                    return true;
                case NativeFiles.IsDirectory when !folder:
                    folder = true;
                    continue;
                case NativeFiles.NotDirectory when folder:
                    folder = false;
                    continue;
                case NativeFiles.NotEmpty or NativeFiles.Exists when folder:
                    full = true;
                    return false;
                case NativeFiles.Busy when mounts++ < MostMounts && NativeFiles.Unmount(parent, name):
                    continue;
                case NativeFiles.NotPermitted when !folder && type == NativeFiles.UnknownType:
                    // What some file systems say of a folder.
                    (folder, type) = (true, NativeFiles.FolderType);
                    continue;
                case NativeFiles.NotPermitted or NativeFiles.AccessDenied when !unlocked:
                    unlocked = true;
                    UnlockForRemoval(parent, name);
                    continue;
                default:
                    Problem ??= NativeFiles.Say(error);
                    return false;
            }
        }
    }

    /// <summary>Also where a program took its own rights away.</summary>
    private OpenFolder? Open(int parent, byte* name)
    {
        var descriptor = NativeFiles.OpenFolder(parent, name);
        if (descriptor < 0)
        {
            Unlock(parent, name);
            descriptor = NativeFiles.OpenFolder(parent, name);
        }
        if (descriptor >= 0)
            _ = NativeFiles.ChangeModeOf(descriptor, All);
        else
            Problem ??= NativeFiles.Say(NativeFiles.LastError);
        return OpenFolder.Of(descriptor);
    }

    /// <summary>What holds the removed folder itself is not ours to change.</summary>
    private void UnlockForRemoval(int parent, byte* name)
    {
        if (NativeFiles.IsRoot)
            NativeFiles.MakeMutable(parent, name);
        if (parent == _outside)
            return;
        if (NativeFiles.IsRoot)
            NativeFiles.MakeMutable(parent);
        _ = NativeFiles.ChangeModeOf(parent, All);
    }

    private static void Unlock(int parent, byte* name)
    {
        if (NativeFiles.IsRoot)
            NativeFiles.MakeMutable(parent, name);
        var path = NativeFiles.OpenFolderByPath(parent, name);
        if (path < 0)
            return;
        _ = NativeFiles.ChangeMode(path, All);
        _ = NativeFiles.Close(path);
    }

    private static (Removal, string?) RemoveByPath(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
                Directory.Delete(folder, recursive: true);
            return (Removal.Gone, null);
        }
        catch (Exception e)
        {
            return (Removal.Stuck, e.Message);
        }
    }
}
