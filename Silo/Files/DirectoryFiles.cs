using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Files in a directory, named by the hash of what is in them (`aa/bb/aabb…`). Written in `tmp/` while hashed, synced, renamed, and the
/// directory synced: a name that exists has its whole content on disk. Several silos may share the directory.
/// </summary>
public sealed class DirectoryFiles : IFiles
{
    private readonly string _root, _temporary;

    private DirectoryFiles(string root)
    {
        _root = root;
        _temporary = Path.Combine(root, "tmp");
        Directory.CreateDirectory(_temporary);
        RemoveLeftovers();
        FilesId = ReadOrMakeId();
    }

    /// <summary>128 random bits, made with the directory: what the floor remembers it by.</summary>
    public string FilesId { get; }

    public string Root => _root;

    /// <summary>Opens, or makes, the directory. What cannot be used throws <see cref="StoreRefusedException"/>.</summary>
    public static DirectoryFiles Open(string directory)
    {
        try
        {
            return new DirectoryFiles(Path.GetFullPath(directory));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StoreRefusedException($"The files directory {directory} cannot be used: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    public Task<BlobRef> Write(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => bytes.Length <= BlobRef.InlineLimit
        ? Task.FromResult(Inline(bytes.Span))
        : Task.Run(() =>
        {
            using var file = new HashedTempFile(_temporary);
            file.Append(bytes.Span);
            return Keep(file);
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
            return Convert.ToHexStringLower(SHA256.HashData(bytes)) == blob.Sha256 ? bytes : throw Damaged(blob);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    public Stream OpenRead(BlobRef blob)
    {
        if (blob.Inline is { } inline) return new MemoryStream(inline, writable: false);
        var path = PathOf(blob.Sha256);
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 65536, FileOptions.Asynchronous);
            if (stream.Length == blob.Size) return stream;
            stream.Dispose();
            throw Damaged(blob);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    /// <summary>Only a hash becomes a path: 64 lower-case hex digits, nothing else.</summary>
    internal string PathOf(string sha256) => sha256 is { Length: 64 } && sha256.All(char.IsAsciiHexDigitLower)
        ? Path.Combine(_root, sha256[..2], sha256[2..4], sha256)
        : throw HiveMindException.Invalid("sha256", "A file is named by the 64 lower-case hex digits of its SHA-256.");

    private static BlobRef Inline(ReadOnlySpan<byte> bytes) =>
        bytes.IsEmpty ? BlobRef.Empty : new BlobRef(bytes.Length, Convert.ToHexStringLower(SHA256.HashData(bytes)), bytes.ToArray());

    private BlobRef Keep(HashedTempFile file)
    {
        var blob = file.Finish();
        return Adopt(blob, file.MoveTo);
    }

    /// <summary>A file beside ours, whole and synced, becomes the blob that it is.</summary>
    internal BlobRef Adopt(string path, BlobRef blob)
    {
        Adopt(blob, to => File.Move(path, to, overwrite: true));
        File.Delete(path); // where the blob was there already
        return blob;
    }

    private BlobRef Adopt(BlobRef blob, Action<string> moveTo)
    {
        var path = PathOf(blob.Sha256);
        try
        {
            MakeFolders(path);
            if (new FileInfo(path) is not { Exists: true, Length: var length } || length != blob.Size) moveTo(path);
            else File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime); // young again for the collector
            DirectorySync.Flush(Path.GetDirectoryName(path)!); // also for one that was there: its writer may not have come so far
            return blob;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    private void MakeFolders(string path)
    {
        var inner = Path.GetDirectoryName(path)!;
        if (Directory.Exists(inner)) return;
        Directory.CreateDirectory(inner);
        DirectorySync.Flush(Path.GetDirectoryName(inner)!);
        DirectorySync.Flush(_root);
    }

    private static HiveMindException Damaged(BlobRef blob) =>
        HiveMindException.Unavailable("FILES_DAMAGED", $"The file {blob.Sha256} is not what was written.");

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
            catch (IOException)
            {
                // in use
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
