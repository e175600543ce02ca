using System.Text;
using Microsoft.Win32.SafeHandles;

namespace HiveMind.Storage;

/// <summary>
/// Is the file (or directory) that was opened still the one at its path? One that was deleted, moved or replaced under a running program
/// goes on taking writes that nobody will ever find again. Two calls of the system a question: cheap enough for every commit.
/// </summary>
public sealed class OpenFileGuard : IDisposable
{
    private readonly byte[] _name;
    private readonly FileStatus _opened;
    private readonly SafeFileHandle _handle;

    private OpenFileGuard(string path, SafeFileHandle handle, FileStatus opened) =>
        (FilePath, _name, _handle, _opened) = (path, Encoding.UTF8.GetBytes(path + "\0"), handle, opened);

    public string FilePath { get; }

    /// <summary>Call it right after the file was opened. Null where the system cannot tell files apart (not Linux): nothing is noticed there.</summary>
    public static OpenFileGuard? Watch(string path)
    {
        if (!NativeFiles.Works) return null;
        path = Path.GetFullPath(path);
        var handle = NativeFiles.OpenPath(path);
        if (handle < 0) throw new FileNotFoundException($"{path} is not there.", path);
        return new OpenFileGuard(path, new SafeFileHandle(handle, ownsHandle: true), NativeFiles.Status(handle, "\0"u8, NativeFiles.EmptyPath)!.Value);
    }

    /// <summary>Null while the path leads to what was opened; else what became of it, as the end of a sentence that begins with the path.</summary>
    public string? Problem()
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        try
        {
            var there = FileStatus.Of(_name);
            if (there is { } now && now.IsSameFile(_opened)) return null;
            var isDeleted = NativeFiles.Status((int)_handle.DangerousGetHandle(), "\0"u8, NativeFiles.EmptyPath) is not { Links: > 0 };
            return (there is null, isDeleted) switch
            {
                (true, true) => "was deleted",
                (true, false) => "was moved away",
                (false, _) => "was replaced by another",
            };
        }
        catch (IOException)
        {
            return null; // a volume that does not answer is not a file that is gone; whoever writes to it will see
        }
    }

    public void Dispose() => _handle.Dispose();
}
