using System.Text;

namespace HiveMind.Storage;

/// <summary>
/// Locks by name for everybody who shares the directory: a fixed set of lock files that are never removed (removing one that somebody waits
/// for would make two of it). Held by an open file, so a process that dies lets go. Within a process callers queue; another process is polled.
/// </summary>
internal sealed class FileLocks
{
    private const int Stripes = 256;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(5);
    private readonly string _directory;
    private readonly SemaphoreSlim[] _here = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1, 1))];

    public FileLocks(string directory)
    {
        _directory = directory;
        PrivateDirectory.Make(directory);
    }

    public async Task<IDisposable> Take(string name, CancellationToken cancel)
    {
        var stripe = StripeOf(name);
        await _here[stripe].WaitAsync(cancel);
        try
        {
            while (true)
            {
                if (TryOpen(Path.Combine(_directory, stripe.ToString("x2", System.Globalization.CultureInfo.InvariantCulture))) is { } held)
                    return new Held(held, _here[stripe]);
                await Task.Delay(Poll, cancel);
            }
        }
        catch
        {
            _here[stripe].Release();
            throw;
        }
    }

    /// <summary>A lock of its own file, for work that one silo at a time does: null while another has it.</summary>
    public IDisposable? TryTakeAlone(string name) => TryOpen(Path.Combine(_directory, name));

    private static int StripeOf(string name)
    {
        var hash = 2166136261u; // FNV-1a: the same in every process, unlike string.GetHashCode
        foreach (var b in Encoding.UTF8.GetBytes(name)) hash = (hash ^ b) * 16777619;
        return (int)((hash ^ (hash >> 16)) % Stripes);
    }

    private static FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException e) when (e is not (DirectoryNotFoundException or FileNotFoundException) && File.Exists(path))
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskError.ToFailure(e);
        }
    }

    private sealed class Held(FileStream file, SemaphoreSlim here) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            here.Release();
        }
    }
}
