using System.Globalization;
using System.Text;

namespace HiveMind.Storage;

/// <summary>One process per data directory: an exclusively opened file, freed by the system however the process ends.</summary>
public sealed class DataDirectoryLock : IDisposable
{
    private const string FileName = "lock";

    /// <summary>A silo that was killed is gone by then; one that takes longer to stop is met by the next start.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly FileStream file;

    private DataDirectoryLock(FileStream file) => this.file = file;

    /// <summary>
    /// As <see cref="Take(string)"/>, and waits a while for another process to end: whoever starts a silo again right after it was killed, or while it
    /// still stops, finds it there for a moment. Says once for what it waits.
    /// </summary>
    public static async Task<DataDirectoryLock> Take(string directory, Action<string> say, TimeProvider time)
    {
        var began = time.GetTimestamp();
        for (var tries = 0; ; tries++)
        {
            if (TryTake(directory) is { } taken) return taken;
            if (time.GetElapsedTime(began) >= Patience) throw InUse(directory);
            if (tries == 0) say($"The data directory {directory} is in use by another silo. Waiting for its end, up to {Patience.TotalSeconds:0} s.");
            await Task.Delay(Poll, time);
        }
    }

    /// <summary>
    /// Makes the directory if it is missing, its owner's alone. StoreAway when another process holds it or its disk is full, StartRefused when it cannot
    /// be written.
    /// </summary>
    public static DataDirectoryLock Take(string directory) => TryTake(directory) ?? throw InUse(directory);

    private static DataDirectoryLock? TryTake(string directory)
    {
        FileStream? file = null;
        try
        {
            PrivateDirectory.Ensure(directory, "The data directory");
            file = new FileStream(Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            return new DataDirectoryLock(file);
        }
        catch (UnauthorizedAccessException)
        {
            throw new StartRefusedException($"The data directory {directory} cannot be written: give this user the right to, or name another.");
        }
        catch (IOException e) when (e is DirectoryNotFoundException or PathTooLongException)
        {
            throw new StartRefusedException($"The data directory {directory} cannot be made: {e.Message}");
        }
        catch (IOException e)
        {
            file?.Dispose();
            if (DiskError.IsInUse(e)) return null;
            throw DiskError.IsFull(e)
                ? new StoreAwayException($"The disk of the data directory {directory} is full: make room there.")
                : new StartRefusedException($"The data directory {directory} cannot be used: {e.Message.ReplaceLineEndings(" ")}");
        }
    }

    public void Dispose() => file.Dispose();

    private static StoreAwayException InUse(string directory) =>
        new($"The data directory {directory} is in use by another silo: stop that one, or name another directory.");
}
