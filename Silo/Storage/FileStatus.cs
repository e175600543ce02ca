using System.Runtime.InteropServices;
using System.Text;

namespace HiveMind.Storage;

/// <summary>What the system says of a file: which one it is, how many names it has, whose it is and who may do what with it.</summary>
internal readonly record struct FileStatus(ulong Device, ulong Inode, uint Links, uint Owner, UnixFileMode Mode)
{
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
    private const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;

    /// <summary>A plain file: no folder, device, pipe or socket.</summary>
    public bool IsRegular { get; init; }

    public bool IsOpenToOthers => (Mode & Others) != 0;

    public bool IsOpenToGroup => (Mode & Group) != 0;

    public bool IsShared => IsOpenToOthers || IsOpenToGroup;

    public bool IsSameFile(FileStatus other) => (Device, Inode) == (other.Device, other.Inode);

    /// <summary>Null when nothing has that name. Throws IOException where the system does not say.</summary>
    public static FileStatus? Of(string path) => Of(Encoding.UTF8.GetBytes(path + "\0"));

    /// <summary>By a name that ends with a zero byte.</summary>
    internal static FileStatus? Of(ReadOnlySpan<byte> path) => NativeFiles.Status(NativeFiles.WorkingDirectory, path, 0);
}

/// <summary>The few calls of the system that .NET has no way to. Linux only: `statx` looks the same on every processor.</summary>
internal static unsafe partial class NativeFiles
{
    public const int WorkingDirectory = -100, EmptyPath = 0x1000;
    private const int NoEntry = 2, NotADirectory = 20, PathOnly = 0x200000, CloseOnExec = 0x80000;
    private const uint BasicStatus = 0x7ff, TypeMask = 0xf000, RegularType = 0x8000;

    /// <summary>Whether files can be told apart here at all.</summary>
    public static bool Works { get; } = OperatingSystem.IsLinux() && Try();

    public static uint EffectiveUser => GetEffectiveUser();

    public static FileStatus? Status(int directory, ReadOnlySpan<byte> path, int flags)
    {
        Statx status = default;
        fixed (byte* name = path)
        {
            if (GetStatus(directory, name, flags, BasicStatus, &status) != 0)
            {
                return Marshal.GetLastPInvokeError() is NoEntry or NotADirectory
                    ? null : throw new IOException($"statx: error {Marshal.GetLastPInvokeError()}");
            }
        }

        return new(((ulong)status.DeviceMajor << 32) | status.DeviceMinor, status.Inode, status.Links, status.Owner, (UnixFileMode)(status.Mode & 0xfff))
        {
            IsRegular = (status.Mode & TypeMask) == RegularType,
        };
    }

    /// <summary>
    /// A handle that only keeps the file from being forgotten: it can neither read nor write, and closing it frees no lock, which closing
    /// an ordinary handle of SQLite's files would.
    /// </summary>
    public static int OpenPath(string path) => Open(path, PathOnly | CloseOnExec);

    /// <summary>Whatever this process makes from now on is its user's alone.</summary>
    public static void MakePrivateByDefault()
    {
        if (!OperatingSystem.IsWindows()) _ = SetMask(0x3f); // 0077
    }

    /// <summary>The process is over when this is called: nothing is flushed, waited for or answered any more.</summary>
    public static void ExitNow(int code) => Exit(code);

    /// <summary>Where the next byte of a descriptor goes, for whoever shares it too; -1: it has no places.</summary>
    public static long Place(int descriptor) => Seek(descriptor, 0, 1);

    public static bool MoveTo(int descriptor, long place) => Seek(descriptor, place, 0) == place;

    private static bool Try()
    {
        try
        {
            return Status(WorkingDirectory, "/\0"u8, 0) is not null;
        }
        catch (Exception e) when (e is IOException or EntryPointNotFoundException or DllNotFoundException)
        {
            return false;
        }
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(16)] public uint Links;
        [FieldOffset(20)] public uint Owner;
        [FieldOffset(28)] public ushort Mode;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int GetStatus(int directory, byte* path, int flags, uint mask, Statx* status);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Seek(int descriptor, long place, int whence);

    [LibraryImport("libc", EntryPoint = "umask")]
    private static partial uint SetMask(uint mask);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void Exit(int code);
}
