using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

/// <summary>A directory of its own for an embedded floor, gone afterwards.</summary>
internal sealed class TempFloor : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("hivemind-floor-").FullName;

    public FloorOptions Options => new() { Directory = Path };

    public Task<Floor> Start() => Floor.Start(Options);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
