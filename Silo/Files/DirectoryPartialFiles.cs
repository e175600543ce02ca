using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Partial files in `partial/` of the files directory. Each step opens the file for itself alone, so that silos that share the directory and
/// two connections of one sender never write at once: who comes second is told the length and goes on from there.
/// </summary>
internal sealed class DirectoryPartialFiles : IPartialFiles
{
    private const int BufferBytes = 1 << 20;

    private readonly DirectoryFiles _files;
    private readonly string _root;
    private readonly Func<long> _freeBytes;

    public DirectoryPartialFiles(DirectoryFiles files) : this(files, () => DiskSpace.FreeBytes(files.Root))
    {
    }

    internal DirectoryPartialFiles(DirectoryFiles files, Func<long> freeBytes)
    {
        (_files, _freeBytes) = (files, freeBytes);
        _root = Path.Combine(files.Root, "partial");
        Directory.CreateDirectory(_root);
    }

    public Task<long> Length(string id, CancellationToken cancel) => Task.FromResult(LengthOf(PathOf(id)));

    public Task<long> Append(string id, long offset, ReadOnlyMemory<byte> bytes, long limit, CancellationToken cancel)
    {
        var path = PathOf(id);
        return Task.Run(() => Guard(() => Append(path, offset, bytes.Span, limit)), cancel);
    }

    public Task<BlobRef> Complete(string id, long size, string? sha256, CancellationToken cancel)
    {
        var path = PathOf(id);
        return Task.Run(() => Guard(() => Finish(path, size, sha256, cancel)), cancel);
    }

    public Stream? OpenRead(string id)
    {
        try
        {
            return new FileStream(PathOf(id), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.Asynchronous);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    public Task Delete(string id)
    {
        var path = PathOf(id);
        return Task.Run(() => Guard(() =>
        {
            File.Delete(path);
            return true;
        }));
    }

    /// <summary>All there are, with the time of the last byte.</summary>
    public IEnumerable<(string Id, DateTimeOffset WrittenAt)> All() => new DirectoryInfo(_root).EnumerateFiles()
        .Select(file => (file.Name, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)));

    private long Append(string path, long offset, ReadOnlySpan<byte> bytes, long limit)
    {
        if (bytes.IsEmpty) return LengthOf(path);
        if (OpenAlone(path) is not { } file) return LengthOf(path); // somebody writes just now
        using (file)
        {
            if (file.Length != offset) return file.Length;
            if (offset + bytes.Length > limit) throw HiveMindException.Exhausted("TOO_LARGE", $"More than the limit of {limit} bytes.", null);
            if (!DiskSpace.IsEnough(_freeBytes() - bytes.Length))
                throw HiveMindException.Exhausted("DISK_FULL", "The hub's disk has too little room left.", TimeSpan.FromSeconds(30));
            file.Seek(0, SeekOrigin.End);
            file.Write(bytes);
            return offset + bytes.Length;
        }
    }

    private BlobRef Finish(string path, long size, string? sha256, CancellationToken cancel)
    {
        if (size == 0) return BlobRef.Empty;
        using var file = (File.Exists(path) ? OpenAlone(path) : null) ?? throw Incomplete(LengthOf(path), size);
        if (file.Length != size) throw Incomplete(file.Length, size);
        var hash = Hash(file, cancel);
        if (sha256 is not null && sha256 != hash)
        {
            File.Delete(path);
            throw HiveMindException.Invalid("sha256", $"The bytes that came have the hash {hash}: send them again.");
        }

        if (size <= BlobRef.InlineLimit)
        {
            file.Position = 0;
            var inline = new byte[size];
            file.ReadExactly(inline);
            File.Delete(path);
            return new BlobRef(size, hash, inline);
        }

        file.Flush(flushToDisk: true);
        return _files.Adopt(path, new BlobRef(size, hash, null));
    }

    private static string Hash(FileStream file, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[BufferBytes];
        file.Position = 0;
        int read;
        while ((read = file.Read(buffer)) > 0)
        {
            cancel.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>Null while another has it open: the lock also holds between processes.</summary>
    private static FileStream? OpenAlone(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException e) when (e is not (FileNotFoundException or DirectoryNotFoundException) && File.Exists(path))
        {
            return null;
        }
    }

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true, Length: var length } ? length : 0;

    private string PathOf(string id) => id is { Length: > 0 and <= 160 } && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        ? Path.Combine(_root, id)
        : throw HiveMindException.Invalid("id", "A partial file is named by letters, digits, '-' and '_'.");

    private static HiveMindException Incomplete(long have, long size) =>
        HiveMindException.Precondition("PARTIAL_INCOMPLETE", $"{have} of {size} bytes are here: go on from there.");

    private static T Guard<T>(Func<T> step)
    {
        try
        {
            return step();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }
}
