using System.Security.Cryptography;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>A file being written: hashed as it grows, locked against other silos' tidying, gone when not moved to its name.</summary>
internal sealed class HashedTempFile : IDisposable
{
    private readonly string _path;
    private readonly FileStream _stream;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _moved;

    public HashedTempFile(string directory)
    {
        _path = Path.Combine(directory, Guid.NewGuid().ToString("N"));
        _stream = Guard(() => new FileStream(_path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 65536));
    }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        try
        {
            _stream.Write(bytes);
        }
        catch (IOException e)
        {
            throw DiskError.ToFailure(e);
        }
    }

    /// <summary>On disk when this returns, under its temporary name.</summary>
    public BlobRef Finish() => Guard(() =>
    {
        _stream.Flush(flushToDisk: true);
        return new BlobRef(_stream.Length, Convert.ToHexStringLower(_hash.GetHashAndReset()), null);
    });

    public void MoveTo(string path)
    {
        if (OperatingSystem.IsWindows()) _stream.Dispose();
        File.Move(_path, path, overwrite: true);
        _moved = true;
    }

    /// <summary>The first of several that start at once gives the directory its id.</summary>
    public void MoveIfAbsent(string path)
    {
        if (OperatingSystem.IsWindows()) _stream.Dispose();
        try
        {
            File.Move(_path, path, overwrite: false);
            _moved = true;
        }
        catch (IOException) when (File.Exists(path))
        {
            // another silo was first
        }
    }

    public void Dispose()
    {
        try
        {
            if (!_moved && !OperatingSystem.IsWindows()) File.Delete(_path);
            _stream.Dispose();
            if (!_moved && OperatingSystem.IsWindows()) File.Delete(_path);
        }
        catch (IOException)
        {
            // the disk is full or away; the next start tidies up
        }

        _hash.Dispose();
    }

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
