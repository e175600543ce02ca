using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>A directory of its own for an embedded state store, gone afterwards.</summary>
internal sealed class TempStateStore : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hivemind-floor-").FullName;

    public StateStoreOptions Options => new() { Directory = Path };

    public Task<StateStore> Start() => StateStore.Start(Options);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
