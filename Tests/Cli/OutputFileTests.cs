using System.Diagnostics;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

/// <summary>`result -o FILE` replaces plain files only: what is something else is written to and stays what it is.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class OutputFileTests : IDisposable
{
    private static readonly CancellationToken Stop = TestContext.Current.CancellationToken;
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-output-").FullName;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PlainFileOrNothing_IsThereWhenAllIsWritten(bool isThere)
    {
        var path = Path.Combine(_folder, "out");
        if (isThere)
        {
            File.WriteAllText(path, "before");
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        }

        await using (var file = await OutputFile.Open(path, Stop))
        {
            await file.Stream.WriteAsync("after"u8.ToArray(), Stop);
            Assert.Equal(isThere ? "before" : null, File.Exists(path) ? File.ReadAllText(path) : null);
            await file.Complete();
        }

        Assert.Equal("after", File.ReadAllText(path));
        if (isThere) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead, File.GetUnixFileMode(path));
        Assert.Equal([path], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task WhatIsNotCompleted_LeavesNothing()
    {
        var path = Path.Combine(_folder, "out");
        await using (var file = await OutputFile.Open(path, Stop)) await file.Stream.WriteAsync("half"u8.ToArray(), Stop);

        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Theory]
    [InlineData("there")]
    [InlineData("not-there")]
    public async Task Link_StaysALink_AndLeadsToTheOutput(string target)
    {
        File.WriteAllText(Path.Combine(_folder, "there"), "before");
        var inner = File.CreateSymbolicLink(Path.Combine(_folder, "inner"), target);
        var outer = File.CreateSymbolicLink(Path.Combine(_folder, "outer"), inner.FullName);

        await Write(outer.FullName, "after");

        Assert.Equal("after", File.ReadAllText(Path.Combine(_folder, target)));
        Assert.NotNull(new FileInfo(outer.FullName).LinkTarget);
        Assert.NotNull(new FileInfo(inner.FullName).LinkTarget);
    }

    [Fact]
    public async Task Link_ToItself_IsUsage()
    {
        var path = Path.Combine(_folder, "round");
        File.CreateSymbolicLink(path, "round");

        Assert.Equal(ExitCodes.Usage, (await Assert.ThrowsAsync<CliException>(() => OutputFile.Open(path, Stop))).ExitCode);
    }

    [Theory]
    [InlineData("pipe")]
    [InlineData("link")]
    public async Task Pipe_IsWrittenTo_AndStaysOne(string name)
    {
        var pipe = Path.Combine(_folder, "pipe");
        Run("mkfifo", pipe);
        File.CreateSymbolicLink(Path.Combine(_folder, "link"), pipe);
        var read = Task.Run(() => File.ReadAllText(pipe), Stop);

        await Write(Path.Combine(_folder, name), "through");

        Assert.Equal("through", await read.WaitAsync(TimeSpan.FromSeconds(20), Stop));
        Assert.Equal("fifo\n", Run("stat", "-c", "%F", pipe));
    }

    [Fact]
    public async Task PipeThatNobodyReads_CanBeGivenUp()
    {
        var pipe = Path.Combine(_folder, "pipe");
        Run("mkfifo", pipe);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        var opening = OutputFile.Open(pipe, end.Token);
        await end.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
        using var reader = new FileStream(pipe, FileMode.Open, FileAccess.Read); // lets the other thread go
    }

    [Theory]
    [InlineData("7", true)]  // as /dev/full
    [InlineData("3", false)] // as /dev/null
    public async Task Device_IsWrittenTo_AndStaysOne(string minor, bool isFull)
    {
        Assert.SkipUnless(Environment.UserName == "root", "only root makes devices");
        var device = Path.Combine(_folder, "device");
        Run("mknod", device, "c", "1", minor);
        Assert.SkipUnless(CanOpen(device), "no devices on this file system");

        if (isFull) await Assert.ThrowsAnyAsync<IOException>(() => Write(device, "after"));
        else await Write(device, "after");

        Assert.Equal("character special file\n", Run("stat", "-c", "%F", device));
        Assert.Equal([device], Directory.GetFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("/dev/fd/2", 2)]
    [InlineData("/proc/self/fd/1", 1)]
    [InlineData("/proc/self/fd/x", null)]
    [InlineData("/dev/null", null)]
    public void OwnDescriptor_IsKnownByItsName(string path, int? number) => Assert.Equal(number, OutputFile.OwnDescriptor(path));

    [Fact]
    public async Task Folder_IsUsage() =>
        Assert.Equal(ExitCodes.Usage, (await Assert.ThrowsAsync<CliException>(() => OutputFile.Open(_folder, Stop))).ExitCode);

    [Fact]
    public async Task FolderThatIsNotThere_IsAnError() =>
        await Assert.ThrowsAnyAsync<IOException>(() => OutputFile.Open(Path.Combine(_folder, "no", "out"), Stop));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task Write(string path, string text)
    {
        await using var file = await OutputFile.Open(path, Stop);
        await file.Stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), Stop);
        await file.Complete();
    }

    private static bool CanOpen(string device)
    {
        try
        {
            using var opened = File.OpenWrite(device);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
