using HiveMind.Workers.Connection;

namespace HiveMind.Tests.Workers;

/// <summary>Which starts a worker may call dead: those whose lock it holds, of this boot.</summary>
public sealed class WorkerInstanceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Open_AfterOneThatDied_SucceedsIt()
    {
        var first = Open();
        Assert.Empty(first.Succeeds);
        first.Dispose(); // as the kernel does for a process that was killed
        using var second = Open();
        Assert.Equal([first.Id], second.Succeeds);
        Assert.NotEqual(first.Id, second.Id);
    }

    [Fact]
    public void Open_SeveralDiedBeforeTheyWereKnown_SucceedsTheLastOfThem()
    {
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            using var one = Open();
            ids.Add(one.Id);
        }
        using var last = Open();
        Assert.Equal(ids.TakeLast(8), last.Succeeds);
    }

    [Fact]
    public void Open_WhileTheOtherLives_SucceedsNobody()
    {
        using var first = Open();
        using var second = Open();
        Assert.Empty(second.Succeeds);
    }

    [Fact]
    public void Open_ACopyOnAnotherMachineOrAfterAReboot_SucceedsNobody()
    {
        Open("here").Dispose();
        using var copy = Open("elsewhere");
        Assert.Empty(copy.Succeeds);
    }

    [Fact]
    public void Open_AnotherNodesWorkerInTheSameFolder_IsAnother()
    {
        using var first = Open();
        using var other = WorkerInstance.Open(_folder, "b", "here");
        other.Dispose();
        using var again = WorkerInstance.Open(_folder, "b", "here");
        Assert.Equal([other.Id], again.Succeeds);
    }

    [Fact]
    public void Forget_LeavesNoFile()
    {
        using var one = Open();
        one.Forget();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("")]
    [InlineData("here")]
    [InlineData("here\n\0\0\0\nshort\n")]
    [InlineData("\n\n\n")]
    public void Open_AFileThatIsDamaged_SucceedsNobody(string text)
    {
        using (Open())
        {
        }
        File.WriteAllText(Directory.EnumerateFiles(_folder).Single(), text);
        using var next = Open();
        Assert.Empty(next.Succeeds);
    }

    [Fact]
    public void Open_NoSuchFolder_StillHasAnId() => Assert.Equal(32, WorkerInstance.Open(Path.Combine(_folder, "none"), "a", "here").Id.Length);

    private WorkerInstance Open(string boot = "here") => WorkerInstance.Open(_folder, "a", boot);
}
