using System.Diagnostics;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>What counts against a run's disk, whatever its program does to hide it.</summary>
public sealed class DiskUseTests : IDisposable
{
    private const long Mb = 1 << 20;
    private readonly RunPlace _place = RunPlace.Create(Path.Combine(Directory.CreateTempSubdirectory("hivemind-test-").FullName, "run"));

    public void Dispose() => RunPlace.Remove(Path.GetDirectoryName(_place.Root)!);

    [Theory]
    [InlineData("plain", "write('f')", 4)]
    [InlineData("names that are no text", "os.mkdir(b'\\xff'); write(b'\\xff/\\xfe\\n')", 4)]
    [InlineData("in 100 folders, one in the other", "for _ in range(100):\n    os.mkdir('d' * 200); os.chdir('d' * 200)\nwrite('f')", 4)]
    [InlineData("below 40 folders, each with another", "for _ in range(40):\n    os.mkdir('e'); os.mkdir('d'); os.chdir('d')\nfor _ in range(39):\n    os.chdir('..')\nwrite('e/f')", 4)]
    [InlineData("two names", "write('f'); os.link('f', 'g'); os.mkdir('d'); os.link('f', 'd/h')", 4)]
    [InlineData("a hole", "f = open('f', 'wb'); f.truncate(1 << 30); f.seek(1 << 29); f.write(bytes(4 << 20))", 4)]
    [InlineData("reserved, not written", "f = open('f', 'wb'); os.posix_fallocate(f.fileno(), 0, 4 << 20)", 4)]
    [InlineData("links to elsewhere", "os.symlink('/usr', 'usr'); os.symlink('/', 'root')", 0)]
    [InlineData("8,192 empty files", "for i in range(8192): open(str(i), 'w')", 4)]
    public void Bytes_OfWhatAProgramWrote_IsWhatItTakes(string what, string code, long mb)
    {
        Written(code);
        var bytes = DiskUse.Bytes(_place, []);
        Assert.True(bytes >= mb * Mb && bytes < (mb + 1) * Mb, $"{what}: {bytes}");
    }

    [Fact]
    public void Bytes_InTheOtherFolders_Count()
    {
        File.WriteAllBytes(Path.Combine(_place.Temporary, "f"), new byte[2 * Mb]);
        File.WriteAllBytes(Path.Combine(_place.Shared, "f"), new byte[2 * Mb]);
        Assert.InRange(DiskUse.Bytes(_place, []), 4 * Mb, 5 * Mb);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("0o300")]
    [InlineData("0o400")]
    [InlineData("0o600")]
    public void Bytes_InAFolderShutToItsUser_CountAndItsRightsStay(string mode)
    {
        Written($"os.makedirs('a/b'); write('a/b/f'); os.chmod('a/b', {mode}); os.chmod('a', {mode})");
        var bytes = NativeFiles.IsRoot ? CountedByAnOrdinaryUser() : DiskUse.Bytes(_place, []);
        Assert.InRange(bytes, 4 * Mb, 5 * Mb);
        Assert.Equal(Convert.ToInt32(mode.Replace("0o", "", StringComparison.Ordinal), 8), OperatingSystem.IsWindows() ? 0 : (int)File.GetUnixFileMode(Path.Combine(_place.Task, "a")));
    }

    [Theory]
    [InlineData("open", "f = open('f', 'wb'); f.write(bytes(4 << 20)); f.flush(); os.remove('f')")]
    [InlineData("open at its beginning", "f = open('f', 'w+b', 0); f.write(bytes(4 << 20)); f.seek(0); os.remove('f')")]
    [InlineData("never named", "f = os.open('.', os.O_TMPFILE | os.O_RDWR); os.write(f, bytes(4 << 20))")]
    [InlineData("open twice", "f = open('f', 'wb'); f.write(bytes(4 << 20)); f.flush(); g = open('f'); h = os.dup(f.fileno()); os.remove('f')")]
    [InlineData("mapped and closed", "import mmap\nf = open('f', 'w+b'); f.write(bytes(4 << 20)); f.flush(); m = mmap.mmap(f.fileno(), 0); f.close(); os.remove('f')")]
    [InlineData("in a child", "f = open('f', 'wb'); f.write(bytes(4 << 20)); f.flush(); os.remove('f')\nif os.fork():\n    f.close(); os.wait(); sys.exit()")] // the child alone speaks
    public async Task Bytes_OfDeletedFilesThatAreHeld_CountOnce(string what, string code)
    {
        using var python = Start(code + "\nprint('up', flush=True)\nsys.stdin.read()");
        Assert.Equal("up", await python.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        int[] members = [python.Id, .. Children(python.Id)];
        var bytes = DiskUse.Bytes(_place, members);
        Assert.True(bytes is >= 4 * Mb and < 5 * Mb, $"{what}: {bytes}");
        python.StandardInput.Close();
        await python.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.InRange(DiskUse.Bytes(_place, members), 0, Mb);
    }

    [Fact]
    public async Task Bytes_OfMemoryThatLooksLikeAFile_AreNoDisk()
    {
        using var python = Start("import mmap\nf = os.memfd_create('x'); os.write(f, bytes(4 << 20)); m = mmap.mmap(-1, 4 << 20)\nprint('up', flush=True)\nsys.stdin.read()");
        Assert.Equal("up", await python.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.InRange(DiskUse.Bytes(_place, [python.Id]), 0, Mb);
        python.StandardInput.Close();
    }

    [Fact]
    public async Task Bytes_WhileFoldersAreMovedAbout_NothingIsHidden()
    {
        // The file lies below the place that is moved, deeper than folders are kept open.
        using var python = Start("""
            for _ in range(40):
                os.mkdir('d'); os.chdir('d')
            os.makedirs('a/b/c/d'); os.mkdir('z'); write('z/f')
            print('up', flush=True)
            import select
            while not select.select([sys.stdin], [], [], 0)[0]:
                os.rename('a/b', 'moved'); os.rename('moved', 'a/b')
            """);
        Assert.Equal("up", await python.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        for (var i = 0; i < 50; i++)
            Assert.True(DiskUse.Bytes(_place, []) >= 4 * Mb);
        python.StandardInput.Close();
    }

    [Fact]
    public void Bytes_AboveWhatMatters_CountsNoFurther()
    {
        Written("for i in range(2000): open(str(i), 'w').write('x')");
        Assert.InRange(DiskUse.Bytes(_place, [], most: Mb), Mb, 2 * Mb);
    }

    [Fact]
    public void Claim_LeftOver_CountsUntilItIsGone()
    {
        var share = new DiskShare(100);
        var claim = share.Claim(0);
        Assert.False(claim.IsTooMuch(80 * Mb));
        using var next = share.Claim(0);
        Assert.False(next.IsTooMuch(20 * Mb));
        Assert.False(next.IsTooMuch(30 * Mb)); // too much, and most of it is the other's
        Assert.True(next.IsTooMuch(90 * Mb));
        claim.Dispose();
        Assert.False(next.IsTooMuch(90 * Mb));
    }

    /// <summary>Root sees into every folder: the question is what others see.</summary>
    private long CountedByAnOrdinaryUser()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/setpriv"), "setpriv is not installed.");
        using var owner = Process.Start("chown", ["-R", "65534:65534", Path.GetDirectoryName(_place.Root)!]);
        owner.WaitForExit();
        var counted = -1L;
        // Rights are a thread's own for the system: only this one counts as another user.
        var thread = new Thread(() =>
        {
            if (AsUser(65534))
                counted = DiskUse.Bytes(_place, []);
        });
        thread.Start();
        thread.Join();
        return counted;
    }

    /// <summary>Of this thread alone (the system's call, not the library's, which does it for all).</summary>
    private static bool AsUser(long user) => SystemCall(
        System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? 151 : 122, user) >= 0;

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "syscall")]
    private static extern long SystemCall(long number, long argument);

    private void Written(string code)
    {
        using var python = Start(code);
        python.StandardInput.Close();
        python.WaitForExit();
        Assert.Equal(0, python.ExitCode);
    }

    private Process Start(string code) => Process.Start(new ProcessStartInfo("python3", ["-c",
        "import os, sys\ndef write(name): open(name, 'wb').write(bytes(4 << 20))\n" + code])
    {
        WorkingDirectory = _place.Task, RedirectStandardInput = true, RedirectStandardOutput = true,
    })!;

    private static IEnumerable<int> Children(int process) =>
        File.ReadAllText($"/proc/{process}/task/{process}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse);
}
