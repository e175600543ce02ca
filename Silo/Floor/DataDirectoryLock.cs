using System.Globalization;
using System.Text;

namespace HiveMind.Storage;

/// <summary>One process per data directory: an exclusively opened file, freed by the system however the process ends.</summary>
public sealed class DataDirectoryLock : IDisposable
{
    private const string FileName = "lock";
    private readonly FileStream file;

    private DataDirectoryLock(FileStream file) => this.file = file;

    /// <summary>Makes the directory if it is missing, its owner's alone. StartRefused when another process holds it or it cannot be written.</summary>
    public static DataDirectoryLock Take(string directory)
    {
        try
        {
            PrivateDirectory.Ensure(directory, "The data directory");
            var file = new FileStream(Path.Combine(directory, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            file.SetLength(0);
            file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            file.Flush();
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
        catch (IOException e) when (DiskError.IsFull(e))
        {
            throw new StoreAwayException($"The disk of the data directory {directory} is full: make room there.");
        }
        catch (IOException)
        {
            throw new StartRefusedException($"The data directory {directory} is in use by another silo: stop that one, or name another directory.");
        }
    }

    public void Dispose() => file.Dispose();
}
