using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

public sealed class WorkDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => RunPlace.Remove(_root);

    [Fact]
    public void Open_LeftoversOfADeadWorker_AreRemovedAndALivingOnesKept()
    {
        var dead = Directory.CreateDirectory(Path.Combine(_root, "worker-dead", "run-1", "task")).FullName;
        File.WriteAllText(Path.Combine(dead, "file"), "left");
        using var living = WorkDirectory.Open(_root);
        var place = living.NewRun();
        using var second = WorkDirectory.Open(_root);
        Assert.False(Directory.Exists(Path.Combine(_root, "worker-dead")));
        Assert.True(Directory.Exists(place.Task));
        Assert.NotEqual(living.Root, second.Root);
    }

    [Fact]
    public void Dispose_RunsLeft_NothingRemains()
    {
        var work = WorkDirectory.Open(_root);
        var place = work.NewRun();
        var locked = Directory.CreateDirectory(Path.Combine(place.Task, "locked"));
        File.WriteAllText(Path.Combine(locked.FullName, "file"), "x");
        if (!OperatingSystem.IsWindows())
            locked.UnixFileMode = UnixFileMode.None;
        work.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_root));
    }
}
