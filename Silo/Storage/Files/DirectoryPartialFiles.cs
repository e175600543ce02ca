using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Pieces in `partial/` of the files directory. Appending, completing and deleting hold the file's lock, so that a writer that was believed
/// dead can never write into what has become an ordinary file.
/// </summary>
internal sealed class DirectoryPartialFiles : IPartialFiles
{
    private const int ReadBytes = 128 * 1024;
    private readonly DirectoryFiles _files;
    private readonly string _directory;
    private readonly FileLocks _locks; // its own set, taken before the one of the files: no two wait for each other
    private readonly Func<long> _freeBytes;
    private readonly Action<Microsoft.Win32.SafeHandles.SafeFileHandle> _sync;

    public DirectoryPartialFiles(DirectoryFiles files) : this(files, () => DiskSpace.FreeBytes(files.Root))
    {
    }

    internal DirectoryPartialFiles(DirectoryFiles files, Func<long> freeBytes, Action<Microsoft.Win32.SafeHandles.SafeFileHandle>? sync = null)
    {
        (_files, _freeBytes, _sync) = (files, freeBytes, sync ?? RandomAccess.FlushToDisk);
        _directory = Path.Combine(files.Root, "partial");
        PrivateDirectory.Make(_directory);
        _locks = new FileLocks(Path.Combine(files.Root, "locks", "partial"));
    }

    public Task<long> Length(string id, CancellationToken cancel) => Task.FromResult(LengthOf(PathOf(id)));

    /// <summary>Of the partial files whose ids match.</summary>
    internal IEnumerable<long> Sizes(string pattern) =>
        new DirectoryInfo(_directory).EnumerateFiles(pattern).Select(file => file.Exists ? file.Length : 0);

    public async Task<long> Append(string id, long offset, ReadOnlyMemory<byte> bytes, long limit, CancellationToken cancel)
    {
        var path = PathOf(id);
        using var held = await _locks.Take(id, cancel);
        return Guarded(() =>
        {
            var length = LengthOf(path);
            if (offset != length) return length;
            if (length + bytes.Length > limit) throw HiveMindException.Exhausted("TOO_LARGE", $"More than the limit of {limit} bytes.");
            if (bytes.IsEmpty) return length;
            RequireRoom(bytes.Length);
            using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            try
            {
                RandomAccess.Write(file, bytes.Span, length);
            }
            catch (IOException)
            {
                RandomAccess.SetLength(file, length); // a full disk may have taken a part of it
                throw;
            }

            return length + bytes.Length;
        });
    }

    public async Task<BlobRef> Complete(string id, long size, string? sha256, CancellationToken cancel)
    {
        var path = PathOf(id);
        using var held = await _locks.Take(id, cancel);
        if (LengthOf(path) is var length && length != size)
            throw HiveMindException.Precondition("PARTIAL_INCOMPLETE", $"{length} of {size} bytes are here.");
        if (size == 0) return sha256 is null || sha256 == BlobRef.Empty.Sha256 ? BlobRef.Empty : throw OtherBytes();
        var hash = await Task.Run(() => Guarded(() => Hash(path, cancel)), cancel);
        if (sha256 is not null && sha256 != hash)
        {
            Guarded(() => Remove(path));
            throw OtherBytes();
        }

        if (size <= BlobRef.InlineLimit)
        {
            var bytes = Guarded(() => File.ReadAllBytes(path));
            Guarded(() => Remove(path));
            return new BlobRef(size, hash, bytes);
        }

        var blob = new BlobRef(size, hash, null);
        await _files.Adopt(path, blob, cancel);
        return blob;
    }

    public Stream? OpenRead(string id)
    {
        var path = PathOf(id);
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.Asynchronous);
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

    public async Task Delete(string id)
    {
        var path = PathOf(id);
        using var held = await _locks.Take(id, CancellationToken.None);
        Guarded(() => Remove(path));
    }

    /// <summary>Leaves the stores what they need to go on.</summary>
    internal void RequireRoom(long bytes, bool isNewWork = false)
    {
        var free = _freeBytes() - bytes;
        if (!(isNewWork ? DiskSpace.IsEnoughForNew(free) : DiskSpace.IsEnough(free)))
            throw HiveMindException.Exhausted("DISK_FULL", "The hub's disk has too little room left for that.", TimeSpan.FromSeconds(30));
    }

    /// <summary>Every partial file, and when it was last added to.</summary>
    internal IEnumerable<(string Id, DateTimeOffset TouchedAt)> All() =>
        new DirectoryInfo(_directory).EnumerateFiles().Where(file => IsId(file.Name)).Select(file => (file.Name, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)));

    /// <summary>What lies there and is none: a damaged name, or somebody else's file. Left where it is.</summary>
    internal IEnumerable<string> Foreign() => new DirectoryInfo(_directory).EnumerateFiles().Select(file => file.Name).Where(name => !IsId(name));

    private static bool IsId(string id) =>
        id is { Length: >= 1 and <= 128 } && id[0] != '.' && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private string PathOf(string id) => IsId(id)
        ? Path.Combine(_directory, id)
        : throw new ArgumentException("A partial file is named by 1 to 128 of letters, digits, '.', '_' and '-'.", nameof(id));

    private static long LengthOf(string path) => new FileInfo(path) is { Exists: true, Length: var length } ? length : 0;

    private string Hash(string path, CancellationToken cancel)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan);
        var buffer = new byte[ReadBytes];
        var at = 0L;
        int read;
        while ((read = RandomAccess.Read(file, buffer, at)) > 0)
        {
            cancel.ThrowIfCancellationRequested();
            hash.AppendData(buffer.AsSpan(0, read));
            at += read;
        }

        try
        {
            _sync(file); // before it gets its name
        }
        catch (IOException)
        {
            // After a failed sync nobody knows what is on disk, and the next sync would say that all is well: begin anew.
            Remove(path);
            throw;
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static bool Remove(string path)
    {
        File.Delete(path);
        return true;
    }

    private static HiveMindException OtherBytes() =>
        HiveMindException.Invalid("sha256", "The bytes that came have another SHA-256: start again from the beginning.");

    private static T Guarded<T>(Func<T> step)
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
