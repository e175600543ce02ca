using System.Runtime.InteropServices;
using System.Text;

namespace HiveMind.Workers.Runs;

/// <summary>
/// The system's calls on files by descriptor and raw name. The framework knows files by paths of text only: a path may be longer than the
/// system takes, a name need not be text, and between two looks at a path a link may stand where a folder was.
/// </summary>
internal static unsafe partial class NativeFiles
{
    public const int NoEntry = 2, NotPermitted = 1, AccessDenied = 13, Busy = 16, IsDirectory = 21, NotDirectory = 20, NotEmpty = 39, Exists = 17;
    public const byte UnknownType = 0, FolderType = 4, FileType = 8;
    private const int CloseOnExec = 0x80000, NonBlocking = 0x800, PathOnly = 0x200000;
    private const int RemoveFolder = 0x200, NoFollowAt = 0x100, EmptyPath = 0x1000, NoAutomount = 0x800, CurrentFolder = -100;
    private const int DetachMount = 2, NoFollowMount = 8;
    private const int ExclusiveNow = 2 | 4;
    private const uint BasicStat = 0x7ff, MountIdOfStat = 0x1000;
    private const ulong GetFlags = 0x80086601, SetFlags = 0x40086602;
    private const long Immutable = 0x10, AppendOnly = 0x20;
    private const int TypeMask = 0xF000, RegularType = 0x8000;

    /// <summary>These two have other values where the processor's first systems had them so.</summary>
    private static readonly bool ArmFlags = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm or Architecture.Ppc64le;
    private static readonly int FolderOnly = ArmFlags ? 0x4000 : 0x10000, NoFollow = ArmFlags ? 0x8000 : 0x20000;

    /// <summary>Elsewhere the framework's own calls must do.</summary>
    public static bool IsSupported { get; } = OperatingSystem.IsLinux() && Environment.Is64BitProcess;

    public static bool IsRoot { get; } = IsSupported && EffectiveUser() == 0;

    public static uint User => EffectiveUser();

    /// <summary>A name or path as the system wants it, ended by a zero.</summary>
    public static byte[] Name(string text)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(text) + 1];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    public static string Say(int error) => Marshal.GetPInvokeErrorMessage(error);

    public static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>By a path that is this program's own; -1: see <see cref="LastError"/>.</summary>
    public static int OpenPath(string path)
    {
        fixed (byte* name = Name(path))
            return OpenAt(CurrentFolder, name, FolderOnly | CloseOnExec | NonBlocking, 0);
    }

    /// <summary>The folder itself, not through a link, and also where its own user was shut out.</summary>
    public static int OpenPathUnlocked(string path)
    {
        fixed (byte* name = Name(path))
        {
            var descriptor = OpenFolder(CurrentFolder, name);
            if (descriptor >= 0 || LastError != AccessDenied)
                return descriptor;
            var folder = OpenFolderByPath(CurrentFolder, name);
            if (folder < 0)
                return -1;
            descriptor = ChangeMode(folder, 0x1C0) == 0 ? Reopen(folder) : -1;
            _ = Close(folder);
            return descriptor;
        }
    }

    /// <summary>A folder in a folder, never through a link.</summary>
    public static int OpenFolder(int parent, byte* name) => OpenAt(parent, name, FolderOnly | NoFollow | CloseOnExec | NonBlocking, 0);

    /// <summary>Of an open folder that its user may not read, without asking for the right to.</summary>
    public static int OpenFolderByPath(int parent, byte* name) => OpenAt(parent, name, PathOnly | FolderOnly | NoFollow | CloseOnExec, 0);

    /// <summary>Opens for reading what such a descriptor is of.</summary>
    public static int Reopen(int pathOnly)
    {
        fixed (byte* name = Link(pathOnly))
            return OpenAt(CurrentFolder, name, FolderOnly | CloseOnExec | NonBlocking, 0);
    }

    public static int ChangeMode(int descriptor, uint mode)
    {
        fixed (byte* name = Link(descriptor))
            return ChangeMode(name, mode);
    }

    /// <summary>0, or the error.</summary>
    public static int RemoveFileAt(int parent, byte* name) => UnlinkAt(parent, name, 0) == 0 ? 0 : LastError;

    /// <summary>0, or the error; only an empty one can be.</summary>
    public static int RemoveFolderAt(int parent, byte* name) => UnlinkAt(parent, name, RemoveFolder) == 0 ? 0 : LastError;

    public static int MoveAt(int from, byte* name, int to, byte* newName) => RenameAt(from, name, to, newName) == 0 ? 0 : LastError;

    /// <summary>Takes away what is mounted at that name, not what is behind it.</summary>
    public static bool Unmount(int parent, byte* name)
    {
        var text = new ReadOnlySpan<byte>(name, Length(name) + 1);
        byte[] path = [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{parent}/"), .. text];
        fixed (byte* at = path)
            return Unmount(at, DetachMount | NoFollowMount) == 0;
    }

    /// <summary>Takes the flags away that keep even an administrator from removing it. Of files and folders only: to open a device may do something.</summary>
    public static void MakeMutable(int parent, byte* name)
    {
        var path = OpenAt(parent, name, PathOnly | NoFollow | CloseOnExec, 0);
        if (path < 0)
            return;
        if (Stat(path, null, out var stat) && stat.Kind is FileKind.File or FileKind.Folder)
            fixed (byte* link = Link(path))
            {
                var file = OpenAt(CurrentFolder, link, CloseOnExec | NonBlocking, 0);
                if (file >= 0)
                {
                    MakeMutable(file);
                    _ = Close(file);
                }
            }
        _ = Close(path);
    }

    public static void MakeMutable(int file)
    {
        long flags = 0;
        if (Control(file, GetFlags, &flags) != 0 || (flags & (Immutable | AppendOnly)) == 0)
            return;
        flags &= ~(Immutable | AppendOnly);
        _ = Control(file, SetFlags, &flags);
    }

    /// <summary>Of what is open (no name), or of a name in it; never through a link.</summary>
    public static bool Stat(int folder, byte* name, out FileStat stat) =>
        Stat(folder, name, name is null ? EmptyPath : NoFollowAt | NoAutomount, out stat);

    /// <summary>By a path, through links.</summary>
    public static bool StatPath(string path, out FileStat stat)
    {
        fixed (byte* name = Name(path))
            return Stat(CurrentFolder, name, NoAutomount, out stat);
    }

    /// <summary>By a path, not through a link at its end.</summary>
    public static bool StatLink(string path, out FileStat stat)
    {
        fixed (byte* name = Name(path))
            return Stat(CurrentFolder, name, NoFollowAt | NoAutomount, out stat);
    }

    private static bool Stat(int folder, byte* name, int flags, out FileStat stat)
    {
        Statx raw;
        byte empty = 0;
        if (StatX(folder, name is null ? &empty : name, flags, BasicStat | MountIdOfStat, &raw) != 0)
        {
            stat = default;
            return false;
        }
        var kind = (raw.Mode & TypeMask) switch { RegularType => FileKind.File, 0x4000 => FileKind.Folder, 0xA000 => FileKind.Link, _ => FileKind.Other };
        stat = new FileStat(kind, raw.Mode & 0xFFFu, raw.Links, raw.User, (long)raw.Blocks * 512, (long)raw.Size,
            new FileId(((ulong)raw.DeviceMajor << 32) | raw.DeviceMinor, raw.Inode), (raw.Mask & MountIdOfStat) != 0 ? raw.MountId : 0);
        return true;
    }

    /// <summary>Of the file system that a folder is on.</summary>
    public static DiskFree? Free(string folder)
    {
        var room = stackalloc ulong[32];
        fixed (byte* name = Name(folder))
            if (FileSystem(name, room) != 0)
                return null;
        // Fields of eight bytes: block, fragment, blocks, free, available; files, free, available.
        return new DiskFree((long)(room[4] * (decimal)room[1] / (1 << 20)), room[5] == 0 ? long.MaxValue : (long)Math.Min(room[7], long.MaxValue));
    }

    /// <summary>False: another holds it.</summary>
    public static bool TryLock(int descriptor) => FileLock(descriptor, ExclusiveNow) == 0;

    public static int Length(byte* name)
    {
        var length = 0;
        while (name[length] != 0)
            length++;
        return length;
    }

    private static byte[] Link(int descriptor) => Name($"/proc/self/fd/{descriptor}");

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int folder, byte* name, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int UnlinkAt(int folder, byte* name, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    private static partial int RenameAt(int from, byte* name, int to, byte* newName);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true)]
    private static partial int ChangeMode(byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    public static partial int ChangeModeOf(int descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatX(int folder, byte* name, int flags, uint mask, Statx* stat);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FileLock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true)]
    private static partial int FileSystem(byte* path, ulong* room);

    [LibraryImport("libc", EntryPoint = "umount2", SetLastError = true)]
    private static partial int Unmount(byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(int descriptor, ulong request, long* value);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    /// <summary>The kernel's own, the same for every processor.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(0)] public uint Mask;
        [FieldOffset(16)] public uint Links;
        [FieldOffset(20)] public uint User;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(40)] public ulong Size;
        [FieldOffset(48)] public ulong Blocks;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
        [FieldOffset(144)] public ulong MountId;
    }
}

internal enum FileKind : byte
{
    Other,
    File,
    Folder,
    Link,
}

/// <summary>A file, whatever its names.</summary>
internal readonly record struct FileId(ulong Device, ulong Inode);

/// <summary>What a look at a file says. Bytes are those it takes on disk. Mount 0: an old kernel does not say.</summary>
internal readonly record struct FileStat(FileKind Kind, uint Mode, uint Links, uint Owner, long Bytes, long Length, FileId Id, ulong Mount)
{
    /// <summary>On another file system or behind another mount. A subvolume is another device, yet the same mount.</summary>
    public bool IsElsewhere(FileStat than) => Mount != 0 && than.Mount != 0 ? Mount != than.Mount : Id.Device != than.Id.Device;
}

/// <summary>An open folder whose entries are read one at a time, by raw name.</summary>
internal sealed unsafe partial class OpenFolder : IDisposable
{
    private const int NameAt = 19, TypeAt = 18;
    private IntPtr _stream;

    private OpenFolder(IntPtr stream, int descriptor) => (_stream, Descriptor) = (stream, descriptor);

    public int Descriptor { get; }

    /// <summary>Owns the descriptor from now on.</summary>
    public static OpenFolder? Of(int descriptor)
    {
        if (descriptor < 0)
            return null;
        var stream = OpenStream(descriptor);
        if (stream != IntPtr.Zero)
            return new OpenFolder(stream, descriptor);
        _ = NativeFiles.Close(descriptor);
        return null;
    }

    /// <summary>The next name but "." and ".."; null at the end. It stays until the next one is read.</summary>
    public byte* Next(out byte type)
    {
        byte* entry;
        while ((entry = Read(_stream)) is not null)
        {
            var name = entry + NameAt;
            if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
                continue;
            type = entry[TypeAt];
            return name;
        }
        type = 0;
        return null;
    }

    public void Again() => Rewind(_stream);

    public void Dispose()
    {
        var stream = Interlocked.Exchange(ref _stream, IntPtr.Zero);
        if (stream != IntPtr.Zero)
            _ = CloseStream(stream);
    }

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    private static partial IntPtr OpenStream(int descriptor);

    [LibraryImport("libc", EntryPoint = "readdir")]
    private static partial byte* Read(IntPtr stream);

    [LibraryImport("libc", EntryPoint = "rewinddir")]
    private static partial void Rewind(IntPtr stream);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseStream(IntPtr stream);
}
