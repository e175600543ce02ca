namespace HiveMind.Storage;

/// <summary>Are the state store's files still those that were opened? Deleted or replaced ones would take every write and be found by no start.</summary>
internal sealed class StateStoreFilesGuard(string directory) : IDisposable
{
    private readonly OpenFileGuard[] guards = [.. new[] { StateStoreFile.Name, $"{StateStoreFile.Name}-wal", CommitNote.FileName }
        .Select(name => Path.Combine(directory, name)).Where(File.Exists).Select(OpenFileGuard.Watch).OfType<OpenFileGuard>()];

    /// <summary>Null, or the sentence that the process ends with.</summary>
    public string? Problem()
    {
        foreach (var guard in guards)
        {
            if (guard.Problem() is { } problem)
                return $"The state store's file {guard.FilePath} {problem} while the hub was running: what is written to it now would be lost. Bring it back before you start again.";
        }

        return null;
    }

    public void Dispose()
    {
        foreach (var guard in guards) guard.Dispose();
    }
}
