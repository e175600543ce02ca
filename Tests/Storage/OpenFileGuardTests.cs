using HiveMind.Storage;
using HiveMind.Tests.Database;

namespace HiveMind.Tests.Storage;

/// <summary>What was opened is still what its path leads to, or the guard says what became of it.</summary>
public sealed class OpenFileGuardTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public OpenFileGuardTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        File.WriteAllText(FilePath, "one");
    }

    private string FilePath => Path.Combine(_folder.Path, "file");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Problem_WrittenAndLinkedElsewhere_IsNone()
    {
        using var guard = OpenFileGuard.Watch(FilePath)!;
        File.AppendAllText(FilePath, "more");
        File.CreateSymbolicLink(FilePath + ".link", FilePath);
        Assert.Null(guard.Problem());
    }

    [Fact]
    public void Problem_DeletedMovedReplaced_IsSaid()
    {
        using var guard = OpenFileGuard.Watch(FilePath)!;
        File.Move(FilePath, FilePath + ".aside");
        Assert.Equal("was moved away", guard.Problem());
        File.WriteAllText(FilePath, "another");
        Assert.Equal("was replaced by another", guard.Problem());
        File.Move(FilePath + ".aside", FilePath, overwrite: true);
        Assert.Null(guard.Problem());
        File.Delete(FilePath);
        Assert.Equal("was deleted", guard.Problem());
        for (var i = 0; i < 50; i++) // the number of a file that is held open is not given again
        {
            File.WriteAllText(FilePath, "new");
            Assert.Equal("was replaced by another", guard.Problem());
            File.Delete(FilePath);
        }
    }

    [Fact]
    public void Problem_DirectoryRemovedWithAllAboveIt_IsSaid()
    {
        var inner = Directory.CreateDirectory(Path.Combine(_folder.Path, "outer", "inner")).FullName;
        using var guard = OpenFileGuard.Watch(inner)!;
        Assert.Null(guard.Problem());
        Directory.Delete(Path.GetDirectoryName(inner)!, recursive: true);
        Assert.Equal("was deleted", guard.Problem());
    }

    [Fact]
    public void Watch_Missing_Throws() => Assert.Throws<FileNotFoundException>(() => OpenFileGuard.Watch(FilePath + "x"));
}
