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

    [Fact]
    public void Open_FolderOfADeadWorkerShutOrOddlyLocked_IsRemoved()
    {
        var shut = Directory.CreateDirectory(Path.Combine(_root, "w-shut12")).FullName;
        Directory.CreateDirectory(Path.Combine(_root, "worker-odd", "lock", "more"));
        Directory.CreateDirectory(Path.Combine(_root, ".worker-building"));
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(shut, UnixFileMode.None);
        using var work = WorkDirectory.Open(_root);
        Assert.Equal([work.Root], Directory.GetFileSystemEntries(_root));
    }

    [Fact]
    public void Open_OlderWorkerStillAlive_ItsFolderStays()
    {
        var old = Directory.CreateDirectory(Path.Combine(_root, "worker-0123456789abcdef")).FullName;
        using var held = new FileStream(Path.Combine(old, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        using var work = WorkDirectory.Open(_root);
        Assert.True(Directory.Exists(old));
    }

    [Fact]
    public void NewRun_Names_AreShortAndNeverTwice()
    {
        using var work = WorkDirectory.Open(_root);
        var names = Enumerable.Range(0, 50).Select(_ => Path.GetFileName(work.NewRun().Root)).ToList();
        Assert.All(names.Append(Path.GetFileName(work.Root)), name => Assert.Equal(8, name.Length));
        Assert.Equal(50, names.Distinct().Count());
    }

    [Fact]
    public void NewRun_DeepWorkDirectory_ProgramsGetAShortPathForTheirSockets()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "No such sockets.");
        var deep = Path.Combine(_root, new string('d', 100));
        string link;
        using (var work = WorkDirectory.Open(deep))
        {
            var place = work.NewRun();
            link = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(place.Temporary)))!;
            Assert.InRange(place.Temporary.Length, 1, 107 - 40);
            File.WriteAllText(Path.Combine(place.Temporary, "file"), "x");
            Assert.True(File.Exists(Path.Combine(place.Root, "tmp", "file")));
            Assert.Equal(PrivateFolder.OwnerOnly, OperatingSystem.IsWindows() ? PrivateFolder.OwnerOnly : File.GetUnixFileMode(link));
            Directory.Delete(link, recursive: true); // as a tidy machine does in time
            Assert.True(Directory.Exists(work.NewRun().Temporary));
        }
        Assert.False(Directory.Exists(link));
    }

    [Fact]
    public void Open_ShortLinkOfADeadWorker_IsRemovedAndOthersStay()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "No such links.");
        using var living = WorkDirectory.Open(Path.Combine(_root, new string('d', 100)));
        var theirs = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(living.NewRun().Temporary)))!;
        var stale = Path.Combine(Path.GetDirectoryName(theirs)!, "hm-" + Path.GetRandomFileName()[..5]);
        PrivateFolder.Create(stale);
        File.CreateSymbolicLink(Path.Combine(stale, "w"), Path.Combine(_root, "gone"));
        using var work = WorkDirectory.Open(_root);
        Assert.False(Directory.Exists(stale));
        Assert.True(Directory.Exists(theirs));
    }

    [Fact]
    public void Open_ShortFolderOfAWorkerThatDiedBeforeItsLink_IsRemovedAndWhatIsNotEmptyStays()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "No such links.");
        var beside = Environment.GetEnvironmentVariable("XDG_RUNTIME_DIR") is { Length: > 0 } own ? own : "/tmp";
        string Named() => Path.Combine(beside, "hm-" + Guid.NewGuid().ToString("N")[..5]);
        var (empty, full) = (Named(), Named());
        PrivateFolder.Create(empty);
        PrivateFolder.Create(full);
        File.WriteAllText(Path.Combine(full, "file"), "somebody's");
        using var work = WorkDirectory.Open(_root);
        Assert.False(Directory.Exists(empty));
        Assert.True(File.Exists(Path.Combine(full, "file")));
        Directory.Delete(full, recursive: true);
    }

    [Fact]
    public async Task ShortPath_OthersStartAtTheSameTime_EachHasItsOwn()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "No such links.");
        var opened = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(() => WorkDirectory.Open(Path.Combine(_root, new string('d', 100), $"{i}")))));
        foreach (var work in opened)
        {
            Assert.InRange(work.NewRun().Temporary.Length, 1, 107 - 40);
            work.Dispose();
        }
    }

    [Fact]
    public void ShortPath_NoPlaceForOne_IsOneClearLine()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "No such links.");
        var refused = Assert.Throws<IOException>(() => ShortPath.For("/" + new string('d', 100), [Path.Combine(_root, new string('d', 100))]));
        Assert.Contains("too long", refused.Message, StringComparison.Ordinal);
    }
}
