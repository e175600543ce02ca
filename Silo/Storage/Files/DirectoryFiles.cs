using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Files in a directory, named by the hash of what is in them (`aa/bb/aabb…`). Written in `tmp/` while hashed, synced, renamed, and the
/// directory synced: a name that exists has its whole content on disk. Several silos may share the directory.
/// </summary>
public sealed class DirectoryFiles : IFiles, IGuardedStore
{
    private readonly string _root, _temporary;
    private readonly TimeProvider _time;
    private readonly OpenFileGuard? _guard;
    private readonly Func<long> _freeBytes;
    private readonly System.Collections.BitArray _syncedFolders = new(1 << 16); // by the first four digits of a hash

    private DirectoryFiles(string root, TimeProvider time, Func<long>? freeBytes)
    {
        _time = time;
        _freeBytes = freeBytes ?? (() => DiskSpace.FreeBytes(root));
        _root = root;
        _temporary = Path.Combine(root, "tmp");
        var isNew = !Directory.Exists(root);
        PrivateDirectory.Make(root);
        if (isNew) SyncParent(root);
        PrivateDirectory.Make(_temporary);
        Locks = new FileLocks(Path.Combine(root, "locks", "files"));
        DirectorySync.Flush(root);
        RemoveLeftovers();
        FilesId = ReadOrMakeId();
        _guard = OpenFileGuard.Watch(root);
    }

    /// <summary>128 random bits, made with the directory: what the state store remembers it by.</summary>
    public string FilesId { get; }

    public string Root => _root;

    /// <summary>Where files are made that get their name when they are whole.</summary>
    internal string Temporary => _temporary;

    internal FileLocks Locks { get; }

    /// <summary>Null while the directory is the one that was opened; else the sentence that the process ends with.</summary>
    public string? Problem() => _guard?.Problem() is { } problem
        ? $"The files directory {_root} {problem} while the hub was running: what is written there now would be lost. "
            + "Bring it back or restore a backup before you start again."
        : null;

    /// <summary>Opens, or makes, the directory. What cannot be used throws <see cref="StoreRefusedException"/>.</summary>
    public static DirectoryFiles Open(string directory, TimeProvider? time = null, Func<long>? freeBytes = null)
    {
        try
        {
            return new DirectoryFiles(Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory)), time ?? TimeProvider.System, freeBytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HiveMindException)
        {
            if (DiskError.IsFull(e) || (e is not UnauthorizedAccessException && DiskSpace.HasNoRoom(directory))) throw new StoreAwayException($"The disk of the files directory {directory} is full: make room there.");
            throw new StoreRefusedException($"The files directory {directory} cannot be used: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    public Task<BlobRef> Write(ReadOnlyMemory<byte> bytes, CancellationToken cancel, bool isNewWork = false) => bytes.Length <= BlobRef.InlineLimit
        ? Task.FromResult(Inline(bytes.Span))
        : Task.Run(async () =>
        {
            if (isNewWork) RequireRoomForNew(bytes.Length);
            using var file = new HashedTempFile(_temporary);
            file.Append(bytes.Span);
            return await Keep(file, cancel);
        }, cancel);

    /// <summary>Hashed again: bytes that are not the accepted ones are never handed out.</summary>
    public async Task<byte[]> Read(BlobRef blob, CancellationToken cancel)
    {
        if (blob.Inline is { } inline) return inline;
        await using var stream = OpenRead(blob);
        try
        {
            var bytes = new byte[blob.Size];
            await stream.ReadExactlyAsync(bytes, cancel);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    /// <summary>
    /// What comes in with a submit stops while there is still room for the outputs of what is under way.
    /// </summary>
    private void RequireRoomForNew(long bytes)
    {
        if (!DiskSpace.IsEnoughForNew(_freeBytes() - bytes))
            throw HiveMindException.Exhausted("DISK_FULL", "The hub's disk has too little room left for that.", TimeSpan.FromSeconds(30));
    }

    public Stream OpenRead(BlobRef blob)
    {
        if (blob.Inline is { } inline) return new MemoryStream(inline, writable: false);
        var path = PathOf(blob.Sha256);
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 65536, FileOptions.Asynchronous);
            if (stream.Length == blob.Size)
            {
                FilesInstruments.Opened(blob.Size);
                return new VerifiedStream(stream, blob);
            }

            stream.Dispose();
            throw Damaged(blob);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    /// <summary>Young again, so that it outlives the time until the task that will name it is written; false when it is not there whole.</summary>
    internal async Task<bool> Touch(string sha256, long size, CancellationToken cancel)
    {
        var path = PathOf(sha256);
        using var held = await Locks.Take(sha256, cancel);
        if (new FileInfo(path) is not { Exists: true, Length: var length } || length != size) return false;
        File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
        return true;
    }

    /// <summary>Every file there is, folder by folder: bounded memory.</summary>
    internal IEnumerable<StoredFile> All()
    {
        foreach (var outer in Directory.EnumerateDirectories(_root, "??"))
            foreach (var file in new DirectoryInfo(outer).EnumerateFiles("*", SearchOption.AllDirectories))
                if (IsHash(file.Name)) yield return new StoredFile(file.Name, file.Length, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero));
    }

    /// <summary>Removes it unless somebody took it up again meanwhile; says whether it is gone.</summary>
    internal async Task<bool> Remove(StoredFile file, CancellationToken cancel)
    {
        var path = PathOf(file.Sha256);
        using var held = await Locks.Take(file.Sha256, cancel);
        if (new FileInfo(path) is not { Exists: true } now) return true;
        if (new DateTimeOffset(now.LastWriteTimeUtc, TimeSpan.Zero) > file.TouchedAt) return false;
        File.Delete(path);
        return true;
    }

    internal static bool IsHash(string name) => name.Length == 64 && name.All(char.IsAsciiHexDigitLower);

    /// <summary>Only a hash becomes a path: 64 lower-case hex digits, nothing else.</summary>
    /// <summary>0 when it is not there.</summary>
    internal long SizeOf(string sha256) => new FileInfo(PathOf(sha256)) is { Exists: true, Length: var length } ? length : 0;

    internal string PathOf(string sha256) => IsHash(sha256)
        ? Path.Combine(_root, sha256[..2], sha256[2..4], sha256)
        : throw HiveMindException.Invalid("sha256", "A file is named by the 64 lower-case hex digits of its SHA-256.");

    private static BlobRef Inline(ReadOnlySpan<byte> bytes) =>
        bytes.IsEmpty ? BlobRef.Empty : new BlobRef(bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.ToArray());

    private async Task<BlobRef> Keep(HashedTempFile file, CancellationToken cancel)
    {
        var blob = file.Finish();
        await Place(blob, file.MoveTo, cancel);
        return blob;
    }

    /// <summary>A file that is hashed and synced already gets its name; `path` is gone then.</summary>
    internal async Task Adopt(string path, BlobRef blob, CancellationToken cancel)
    {
        await Place(blob, to => File.Move(path, to, overwrite: true), cancel);
    }

    /// <summary>
    /// Under the lock of its name, against the collector: a file that is there already is young again from here on, so whoever is about to
    /// name it in a task has the collector's whole grace for that.
    /// </summary>
    private async Task Place(BlobRef blob, Action<string> moveTo, CancellationToken cancel)
    {
        var path = PathOf(blob.Sha256);
        using var held = await Locks.Take(blob.Sha256, cancel);
        try
        {
            RequireOurs(); // before a folder is made, which would make the directory anew
            MakeFolders(path);
            moveTo(path); // also over one that is there: these bytes are right, and those may have been damaged since
            FilesInstruments.Written(blob.Size);
            File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
            DirectorySync.Flush(Path.GetDirectoryName(path)!);
            RequireOurs();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    private void RequireOurs()
    {
        if (_guard?.Problem() is not null) throw HiveMindException.Unavailable("FILES_UNAVAILABLE", "The files cannot be used now.");
    }

    private void MakeFolders(string path)
    {
        var inner = Path.GetDirectoryName(path)!;
        var number = Convert.ToInt32(Path.GetFileName(path)[..4], 16);
        lock (_syncedFolders)
            if (_syncedFolders[number] && Directory.Exists(inner)) return;
        PrivateDirectory.Make(inner);
        // Also where another one made them: it may not have come so far as to sync them.
        DirectorySync.Flush(Path.GetDirectoryName(inner)!);
        DirectorySync.Flush(_root);
        lock (_syncedFolders) _syncedFolders[number] = true;
    }

    private static void SyncParent(string root)
    {
        try
        {
            DirectorySync.Flush(Path.GetDirectoryName(root) ?? root);
        }
        catch (IOException)
        {
            // one that we may not read cannot be synced by us; whoever made it did not ask for that either
        }
    }

    private static HiveMindException Damaged(BlobRef blob) => VerifiedStream.Damaged(blob);

    /// <summary>What a crash left behind. A temporary file in use is locked by its writer, here or in another silo, and stays.</summary>
    private void RemoveLeftovers()
    {
        foreach (var path in Directory.EnumerateFiles(_temporary))
        {
            try
            {
                using var unused = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // in use, or another's
            }
        }
    }

    private string ReadOrMakeId()
    {
        var path = Path.Combine(_root, "files_id");
        if (!File.Exists(path))
        {
            using var file = new HashedTempFile(_temporary);
            file.Append(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) + "\n"));
            file.Finish();
            file.MoveIfAbsent(path);
            DirectorySync.Flush(_root);
        }

        var id = File.ReadAllText(path).Trim();
        return TaskIds.IsValid(id) ? id : throw new StoreRefusedException($"{path} is not an id of a files directory: restore it from a backup.");
    }
}

/// <summary>A file by its hash, and when it was last written or taken up by somebody.</summary>
internal sealed record StoredFile(string Sha256, long Size, DateTimeOffset TouchedAt);
