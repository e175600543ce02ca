using System.Security.Cryptography;
using System.Text;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Uploads in the files directory: pieces in `partial/`, and for each one that is whole a mark in `uploads/` that says whose it is. A mark is
/// an empty file, or holds the bytes themselves where they are too few for a file of their own.
/// </summary>
internal sealed class DirectoryUploads : IUploads
{
    private readonly DirectoryFiles _files;
    private readonly DirectoryPartialFiles _partials;
    private readonly string _root;

    public DirectoryUploads(DirectoryFiles files, DirectoryPartialFiles partials)
    {
        (_files, _partials) = (files, partials);
        _root = Path.Combine(files.Root, "uploads");
        Directory.CreateDirectory(_root);
    }

    public async Task<long> Position(string userId, UploadSpec upload, CancellationToken cancel) =>
        await Find(userId, upload, cancel) is not null ? upload.Size : await _partials.Length(PartialId(userId, upload), cancel);

    public Task<long> Append(string userId, UploadSpec upload, long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel) =>
        _partials.Append(PartialId(userId, upload), offset, bytes, upload.Size, cancel);

    public async Task Complete(string userId, UploadSpec upload, CancellationToken cancel)
    {
        if (await Find(userId, upload, cancel) is not null) return;
        var blob = await _partials.Complete(PartialId(userId, upload), upload.Size, upload.Sha256, cancel);
        await Task.Run(() => Mark(MarkOf(userId, upload), blob), cancel);
    }

    public async Task<BlobRef?> Find(string userId, UploadSpec upload, CancellationToken cancel)
    {
        var mark = MarkOf(userId, upload);
        try
        {
            if (!File.Exists(mark)) return null;
            if (upload.Size <= BlobRef.InlineLimit)
            {
                var bytes = await File.ReadAllBytesAsync(mark, cancel);
                return bytes.Length == upload.Size ? new BlobRef(upload.Size, upload.Sha256, bytes) : null;
            }

            var path = _files.PathOf(upload.Sha256);
            if (new FileInfo(path) is not { Exists: true, Length: var length } || length != upload.Size) return null;
            var now = TimeProvider.System.GetUtcNow().UtcDateTime;
            File.SetLastWriteTimeUtc(mark, now);
            File.SetLastWriteTimeUtc(path, now); // the task that will name it is not written yet: young files are not collected
            return new BlobRef(upload.Size, upload.Sha256, null);
        }
        catch (FileNotFoundException)
        {
            return null; // collected meanwhile
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    /// <summary>All marks, with the time of the last use.</summary>
    internal IEnumerable<FileInfo> Marks() => new DirectoryInfo(_root).EnumerateFiles();

    private void Mark(string path, BlobRef blob)
    {
        try
        {
            using (var mark = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None))
            {
                mark.Write(blob.Inline);
                mark.Flush(flushToDisk: true);
            }

            DirectorySync.Flush(_root);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    private string MarkOf(string userId, UploadSpec upload) => Path.Combine(_root, $"{Owner(userId)}-{Name(upload)}");

    private static string PartialId(string userId, UploadSpec upload) => $"up-{Owner(userId)}-{Name(upload)}";

    /// <summary>A user id may hold what a file name may not.</summary>
    private static string Owner(string userId) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(userId)).AsSpan(0, 16));

    private static string Name(UploadSpec upload) => upload.Sha256 is { Length: 64 } && upload.Sha256.All(char.IsAsciiHexDigitLower)
        ? upload.Sha256
        : throw HiveMindException.Invalid("sha256", "64 lower-case hex digits.");
}
