using System.Text;

namespace HiveMind.Storage;

/// <summary>The mark in the directory of a state store that lives elsewhere now: a file that names the place.</summary>
internal static class StateStoreMoved
{
    private const string FileName = "moved-to";

    /// <summary>Null: it lives here.</summary>
    public static string? Where(string stateStoreDirectory)
    {
        var file = Path.Combine(stateStoreDirectory, FileName);
        return File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    /// <summary>StartRefused when the state store of this directory was moved.</summary>
    public static void Refuse(string stateStoreDirectory)
    {
        if (Where(stateStoreDirectory) is { } where)
        {
            throw new StartRefusedException($"The state store in {stateStoreDirectory} was moved to the Redis at {where} and is not used any more: start with "
                + "--HiveMind:Redis:ConnectionString= that names it.");
        }
    }

    /// <summary>Durable when it returns: written beside, then renamed.</summary>
    public static void Mark(string stateStoreDirectory, string where)
    {
        var file = Path.Combine(stateStoreDirectory, FileName);
        using (var writing = new FileStream($"{file}.new", FileMode.Create, FileAccess.Write))
        {
            writing.Write(Encoding.UTF8.GetBytes($"{where}\n"));
            writing.Flush(flushToDisk: true);
        }

        File.Move($"{file}.new", file, overwrite: true);
        DirectorySync.Flush(stateStoreDirectory);
    }
}
