using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

public sealed class DataDirectoryLockTests : IDisposable
{
    private readonly TempFloor temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public void Take_HeldByAnother_RefusedInOneLineUntilFreed()
    {
        var directory = Path.Combine(temp.Path, "new");
        var first = DataDirectoryLock.Take(directory);
        var refused = Assert.Throws<StartRefusedException>(() => DataDirectoryLock.Take(directory));
        first.Dispose();
        using var second = DataDirectoryLock.Take(directory);

        Assert.Contains("in use", Assert.Single(refused.Problems), StringComparison.Ordinal);
    }

    [Fact]
    public void Take_PathIsAFile_RefusedInOneLine()
    {
        var file = Path.Combine(temp.Path, "file");
        File.WriteAllText(file, "");

        Assert.Single(Assert.Throws<StartRefusedException>(() => DataDirectoryLock.Take(file)).Problems);
    }
}
