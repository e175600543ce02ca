using System.Diagnostics;
using System.Net.Sockets;
using HiveMind.Workers;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>What programs leave behind is removed, and where it cannot be, nothing waits for it.</summary>
public sealed class FolderRemovalTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => RunPlace.Remove(_root);

    [Theory]
    [InlineData("60 folders with long names", "import os\nfor _ in range(60):\n    os.mkdir('d' * 200); os.chdir('d' * 200)")]
    [InlineData("3,000 folders, one in the other", "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d'); open('f', 'w')")]
    [InlineData("names that are no text", "import os\nfor n in (b'\\xff\\xfe', b'new\\nline', b'\\x1b[2J', b' ', b'-rf', b'\\xc3'):\n    os.mkdir(n); open(n + b'/' + n, 'w')")]
    [InlineData("folders without rights", "import os\nos.makedirs('a/b/c'); open('a/b/c/f', 'w')\nfor d, m in (('a/b/c', 0), ('a/b', 0o300), ('a', 0o400)): os.chmod(d, m)")]
    [InlineData("sockets and pipes", "import os, socket\nsocket.socket(socket.AF_UNIX).bind('s'); os.mkfifo('p'); os.mkfifo('q', 0)")]
    [InlineData("links", "import os\nos.symlink('/', 'up'); os.symlink('.', 'self'); os.symlink('nowhere', 'none'); open('f', 'w'); os.mkdir('d'); os.link('f', 'd/g')")]
    [InlineData("names the removal uses itself", "import os\nfor i in range(20):\n    os.makedirs('.~%x/d/.~0/x' % i); open('.~%x/d/.~1' % i, 'w')")]
    [InlineData("broad and deep", "import os\ndef make(n):\n    if n == 0: return\n    for i in 'abc':\n        os.mkdir(i); os.chdir(i); make(n - 1); os.chdir('..')\nmake(6)")]
    [InlineData("5,000 files", "for i in range(5000): open(str(i), 'w')")]
    public void Remove_WhatAProgramLeft_IsGone(string what, string code)
    {
        var folder = Left(code);
        var (outcome, problem) = FolderRemoval.Remove(folder);
        Assert.True(outcome == Removal.Gone && !Path.Exists(folder), $"{what}: {outcome}, {problem}");
    }

    [Fact]
    public void Remove_LinksToOutside_OutsideStays()
    {
        var outside = Directory.CreateDirectory(Path.Combine(_root, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "kept"), "kept");
        var folder = Left($"import os\nos.symlink('{outside}', 'link'); os.makedirs('d/e'); os.symlink('{outside}', 'd/e/link'); os.link('{outside}/kept', 'd/hard')");
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
        Assert.Equal("kept", File.ReadAllText(Path.Combine(outside, "kept")));
        Directory.CreateSymbolicLink(folder, outside);
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
        Assert.True(File.Exists(Path.Combine(outside, "kept")));
    }

    [Fact]
    public void Remove_AFileThatIsWrittenMeanwhile_IsGone()
    {
        var folder = Left("");
        using var writer = new FileStream(Path.Combine(folder, "log"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        writer.Write(new byte[1000]);
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
        writer.Write(new byte[1000]);
    }

    [Fact]
    public void Remove_MoreThanATurn_StopsAndGoesOnLater()
    {
        var folder = Left("import os\nos.makedirs('a/b/c')\nfor i in range(100): open('a/b/' + str(i), 'w')");
        Assert.Equal(Removal.Unfinished, FolderRemoval.Remove(folder, most: 50).Outcome);
        Assert.True(Directory.Exists(folder));
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
    }

    [Fact]
    public void Remove_ALargeFile_IsForNoShortTurn()
    {
        var folder = Left("import os\nf = open('f', 'wb'); os.posix_fallocate(f.fileno(), 0, 20 << 20)");
        Assert.Equal(Removal.Unfinished, FolderRemoval.Remove(folder, most: 50).Outcome);
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
    }

    [Theory]
    [InlineData("i")]
    [InlineData("a")]
    public void Remove_ImmutableAsRoot_IsGone(string flag)
    {
        var folder = Left($"import os\nos.makedirs('a/b'); open('a/b/f', 'w'); open('g', 'w')\nos.system('chattr -f +{flag} a/b/f g a/b a')");
        Assert.SkipUnless(NativeFiles.IsRoot && Fails(() => File.Delete(Path.Combine(folder, "g"))), "Not root, or no such flags on this file system.");
        Assert.Equal((Removal.Gone, null), FolderRemoval.Remove(folder));
    }

    [Fact]
    public void Remove_MountAsRoot_IsUndoneAndWhatIsBehindItStays()
    {
        var outside = Directory.CreateDirectory(Path.Combine(_root, "outside")).FullName;
        File.WriteAllText(Path.Combine(outside, "kept"), "kept");
        var folder = Left($"import os\nos.makedirs('d/mount'); os.mkdir('other'); open('file', 'w')\nos.system('mount --bind {outside} d/mount 2>/dev/null && mount --bind {outside} other "
            + $"&& mount --bind {outside} other && mount --bind {outside}/kept file')");
        Assert.SkipUnless(File.Exists(Path.Combine(folder, "d/mount/kept")), "This user may not mount.");
        Assert.Equal((Removal.Gone, null), FolderRemoval.Remove(folder));
        Assert.Equal("kept", File.ReadAllText(Path.Combine(outside, "kept")));
    }

    [Fact]
    public void Remove_DevicesAsRoot_AreGone()
    {
        var folder = Left("import os, stat\ntry:\n    os.mknod('null', stat.S_IFCHR | 0o600, os.makedev(1, 3)); os.mknod('disk', stat.S_IFBLK | 0o600, os.makedev(240, 1))\nexcept OSError: pass");
        Assert.SkipUnless(Path.Exists(Path.Combine(folder, "null")), "This user may not make devices.");
        Assert.Equal(Removal.Gone, FolderRemoval.Remove(folder).Outcome);
    }

    [Fact]
    public void Remove_NotThere_IsGone() => Assert.Equal(Removal.Gone, FolderRemoval.Remove(Path.Combine(_root, "none", "none")).Outcome);

    [Fact]
    public async Task Cleaner_Much_GoesBesideTheRunsAndIsThenSaidToBeGone()
    {
        var folder = Left("for i in range(3000): open(str(i), 'w')");
        using var cleaner = new FolderCleaner(null, TimeProvider.System);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cleaner.Remove([folder, Path.Combine(_root, "none")], gone.SetResult);
        await gone.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.False(Directory.Exists(folder));
    }

    [Fact]
    public async Task Cleaner_WhatCannotBeRemoved_IsSaidOnceAndTriedAgainLater()
    {
        // A file where the folder above should be: it fails for every user alike.
        var blocked = Path.Combine(_root, "file");
        File.WriteAllText(blocked, "");
        var console = new ConsoleSpy();
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        using var cleaner = new FolderCleaner(console, time);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        cleaner.Remove([Path.Combine(blocked, "run")], gone.SetResult);
        await Fakes.Until(() => console.Lines(WorkerEvent.Warning).Count == 1);
        Assert.False(gone.Task.IsCompleted);
        File.Delete(blocked);
        await Fakes.Until(() =>
        {
            time.Advance(TimeSpan.FromMinutes(1)); // again and again: it may have said so before it noted when it tried
            cleaner.Remove([Left("")]);
            return gone.Task.IsCompleted;
        });
        Assert.Single(console.Lines(WorkerEvent.Warning));
    }

    private static bool Fails(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    /// <summary>A folder in which a program ran.</summary>
    private string Left(string code)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root, "left")).FullName;
        if (code.Length == 0)
            return folder;
        using var python = Process.Start(new ProcessStartInfo("python3", ["-c", code]) { WorkingDirectory = folder })!;
        python.WaitForExit();
        Assert.Equal(0, python.ExitCode);
        return folder;
    }
}
