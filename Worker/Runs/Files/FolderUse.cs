using System.Runtime.InteropServices;

namespace HiveMind.Workers.Runs;

/// <summary>
/// What a folder takes on disk, while a program changes it: by descriptor and raw name, never through a link or into a mount. A file counts
/// once, however many names it has, by its blocks, so that holes cost nothing; and something for its name, so that empty files do.
/// </summary>
internal sealed unsafe class FolderUse
{
    /// <summary>About what file systems keep for a file beside its blocks.</summary>
    private const long EntryBytes = 512;
    /// <summary>So many levels stay open. Below, the way up is by "..", and is checked: a program may move what is walked.</summary>
    private const int MostOpen = 32;
    private const uint Searchable = 0x140;

    private readonly HashSet<FileId> _linked = [];
    private readonly Stack<Level> _levels = new();
    private FileStat _top;
    private long _most;

    public long Bytes { get; private set; }

    /// <summary>The file system that was looked at.</summary>
    public ulong Device => _top.Id.Device;

    /// <summary>Adds what a folder takes; stops above <paramref name="most"/>. False: a program moved its folders meanwhile, and not all was seen.</summary>
    public bool Add(string folder, long most)
    {
        _most = most;
        fixed (byte* name = NativeFiles.Name(Path.GetFileName(folder)))
        {
            var parent = NativeFiles.OpenPath(Path.GetDirectoryName(folder) ?? "/");
            var top = parent < 0 ? null : Open(parent, name);
            if (parent >= 0)
                _ = NativeFiles.Close(parent);
            if (top is null)
                return true;
            _top = top.Stat;
            Bytes += top.Stat.Bytes + EntryBytes;
            _levels.Push(top);
            List(top);
        }
        try
        {
            return Walk();
        }
        finally
        {
            while (_levels.TryPop(out var level))
                level.Close();
        }
    }

    private bool Walk()
    {
        while (_levels.TryPeek(out var level))
        {
            if (Bytes > _most)
                return true;
            if (!level.TakeName(out var inner))
            {
                if (!Up())
                    return false;
                continue;
            }
            fixed (byte* name = inner)
                if (Open(level.Descriptor, name) is { } next)
                {
                    if (next.Stat.IsElsewhere(_top))
                    {
                        next.Close();
                        continue;
                    }
                    if (_levels.Count >= MostOpen)
                        level.Leave();
                    _levels.Push(next);
                    List(next);
                }
        }
        return true;
    }

    /// <summary>Back to the folder above, if it still is the one above.</summary>
    private bool Up()
    {
        var done = _levels.Pop();
        if (!_levels.TryPeek(out var above) || above.Descriptor >= 0)
        {
            done.Close();
            return true;
        }
        fixed (byte* name = ".."u8)
        {
            above.Descriptor = NativeFiles.OpenFolder(done.Descriptor, name);
            done.Close();
        }
        return above.Descriptor >= 0 && NativeFiles.Stat(above.Descriptor, null, out var stat) && stat.Id == above.Stat.Id;
    }

    /// <summary>All in one go, so that a folder that is moved away later has been counted.</summary>
    private void List(Level level)
    {
        // The stream closes its descriptor, and the level needs one for longer.
        fixed (byte* self = "."u8)
            using (var folder = OpenFolder.Of(NativeFiles.OpenFolder(level.Descriptor, self)))
            {
                byte* name;
                while (folder is not null && Bytes <= _most && (name = folder.Next(out var type)) is not null)
                    if (NativeFiles.Stat(level.Descriptor, name, out var stat))
                    {
                        if (stat.Kind == FileKind.Folder && !stat.IsElsewhere(_top))
                            level.AddName(name);
                        if (stat.Kind == FileKind.Folder || stat.Links < 2 || _linked.Add(stat.Id))
                            Bytes += stat.Bytes;
                        Bytes += EntryBytes;
                    }
            }
    }

    /// <summary>A folder that a program shut to its own user is open for as long as it is looked at.</summary>
    private static Level? Open(int parent, byte* name)
    {
        var descriptor = NativeFiles.OpenFolder(parent, name);
        FileStat stat;
        if (descriptor >= 0 && NativeFiles.Stat(descriptor, null, out stat))
        {
            // Readable, but not to be searched by its own user: nothing in it could be looked at.
            if ((stat.Mode & Searchable) == Searchable)
                return new Level(descriptor, stat, null);
            return new Level(descriptor, stat, NativeFiles.ChangeModeOf(descriptor, stat.Mode | Searchable) == 0 ? stat.Mode : null);
        }
        if (descriptor >= 0)
            _ = NativeFiles.Close(descriptor);
        var path = NativeFiles.OpenFolderByPath(parent, name);
        if (path < 0)
            return null;
        var known = NativeFiles.Stat(path, null, out stat);
        var changed = known && NativeFiles.ChangeMode(path, stat.Mode | Searchable) == 0;
        descriptor = changed ? NativeFiles.Reopen(path) : -1;
        if (changed && descriptor < 0)
            _ = NativeFiles.ChangeMode(path, stat.Mode);
        _ = NativeFiles.Close(path);
        return descriptor < 0 ? null : new Level(descriptor, stat, stat.Mode);
    }

    /// <summary>One folder on the way, with the names of the folders in it that are still to be looked at.</summary>
    private sealed class Level(int descriptor, FileStat stat, uint? mode)
    {
        private byte[] _names = [];
        private int _used;

        public int Descriptor { get; set; } = descriptor;
        public FileStat Stat => stat;

        public void AddName(byte* name)
        {
            var length = NativeFiles.Length(name);
            if (_used + length + 2 > _names.Length)
                Array.Resize(ref _names, Math.Max(64, (_used + length + 2) * 2));
            new ReadOnlySpan<byte>(name, length).CopyTo(_names.AsSpan(_used + 1));
            // Read from the end: a zero before each name, and one behind it.
            _names[_used] = 0;
            _names[_used + length + 1] = 0;
            _used += length + 1;
        }

        public bool TakeName(out byte[] name)
        {
            name = [];
            if (_used == 0)
                return false;
            var start = _names.AsSpan(0, _used).LastIndexOf((byte)0);
            name = [.. _names.AsSpan(start + 1, _used - start - 1), 0];
            _used = start;
            return true;
        }

        /// <summary>Its rights stay open until it is come back to: the way up needs them.</summary>
        public void Leave()
        {
            _ = NativeFiles.Close(Descriptor);
            Descriptor = -1;
        }

        public void Close()
        {
            if (Descriptor < 0)
                return;
            if (mode is { } before)
                _ = NativeFiles.ChangeModeOf(Descriptor, before);
            Leave();
        }
    }
}
