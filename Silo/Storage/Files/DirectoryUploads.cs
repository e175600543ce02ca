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
    private readonly TimeProvider _time;
    private readonly string _root;

    public DirectoryUploads(DirectoryFiles files, DirectoryPartialFiles partials, TimeProvider time)
    {
        (_files, _partials, _time) = (files, partials, time);
        _root = Path.Combine(files.Root, "uploads");
        PrivateDirectory.Make(_root);
    }

    public Task RequireRoom(long bytes, CancellationToken cancel)
    {
        _partials.RequireRoom(bytes, isNewWork: true);
        return Task.CompletedTask;
    }

    public async Task<long> Position(string userId, UploadSpec upload, CancellationToken cancel) =>
        await Find(userId, upload, cancel) is not null ? upload.Size : await _partials.Length(PartialId(userId, upload), cancel);

    public Task<long> Append(string userId, UploadSpec upload, long offset, ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        _partials.RequireRoom(bytes.Length, isNewWork: true);
        return _partials.Append(PartialId(userId, upload), offset, bytes, upload.Size, cancel);
    }

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
                File.SetLastWriteTimeUtc(mark, _time.GetUtcNow().UtcDateTime);
                var bytes = await File.ReadAllBytesAsync(mark, cancel);
                return bytes.Length == upload.Size && Convert.ToHexStringLower(SHA256.HashData(bytes)) == upload.Sha256 ? new BlobRef(upload.Size, upload.Sha256, bytes) : null;
            }

            if (!await _files.Touch(upload.Sha256, upload.Size, cancel)) return null;
            File.SetLastWriteTimeUtc(mark, _time.GetUtcNow().UtcDateTime);
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

    public Task<UploadUse> UsedBy(string userId, CancellationToken cancel) => Task.Run(() =>
    {
        try
        {
            var unfinished = _partials.Sizes($"up-{Owner(userId)}-*").ToList();
            var whole = Directory.EnumerateFiles(_root, $"{Owner(userId)}-*").Select(mark => new FileInfo(mark)).Where(mark => mark.Exists && IsMark(mark.Name))
                .Select(mark => mark.Length > 0 ? mark.Length : _files.SizeOf(HashIn(mark.Name))).ToList();
            return new UploadUse(unfinished.Count + whole.Count, unfinished.Sum() + whole.Sum());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }, cancel);

    /// <summary>All marks: whose content they keep, and the time of the last use.</summary>
    internal IEnumerable<UploadMark> Marks() => new DirectoryInfo(_root).EnumerateFiles().Where(file => IsMark(file.Name))
        .Select(file => new UploadMark(file.Name, HashIn(file.Name), new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)));

    /// <summary>
    /// What lies there and is no mark: a damaged name, or somebody else's file. Left where it is; it keeps no content, since no upload is found by it any more.
    /// </summary>
    internal IEnumerable<string> Foreign() => new DirectoryInfo(_root).EnumerateFiles().Select(file => file.Name).Where(name => !IsMark(name));

    private static bool IsMark(string name) => name.Contains('-', StringComparison.Ordinal) && DirectoryFiles.IsHash(HashIn(name));

    private static string HashIn(string name) => name[(name.IndexOf('-', StringComparison.Ordinal) + 1)..];

    /// <summary>Its content stays as long as something else keeps it. A use that comes just now writes its time first and is asked for again.</summary>
    internal void RemoveMark(UploadMark mark)
    {
        var path = Path.Combine(_root, mark.Name);
        if (new DateTimeOffset(File.GetLastWriteTimeUtc(path), TimeSpan.Zero) <= mark.UsedAt) File.Delete(path);
    }

    private void Mark(string path, BlobRef blob)
    {
        try
        {
            using var mark = new HashedTempFile(_files.Temporary); // aside and renamed: there is never half a mark
            mark.Append(blob.Inline);
            mark.Finish();
            mark.MoveTo(path);
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

/// <summary>One user's uploaded payload.</summary>
internal sealed record UploadMark(string Name, string Sha256, DateTimeOffset UsedAt);
