using System.Diagnostics;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

/// <summary>What `--stdin` may name.</summary>
public sealed class InputContentTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hivemind-input-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(0, true)]
    [InlineData(InputContent.InMessage, true)]
    [InlineData(InputContent.InMessage + 1, false)]
    [InlineData(3_000_000, false)]
    public async Task Open_File_GoesInTheMessageUpToItsLimit(int size, bool inMessage)
    {
        var path = Path.Combine(_folder, "input");
        await File.WriteAllBytesAsync(path, Bytes(size), TestContext.Current.CancellationToken);
        await using var content = await Open(path);
        Assert.Equal((inMessage, !inMessage), (content.Small is not null, content.IsFile));
        Assert.Equal(Bytes(size), await All(content));
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(InputContent.InMessage, true)]
    [InlineData(3_000_000, false)]
    public async Task Open_NamedPipe_IsReadToItsEndWithoutAFileThatStays(int size, bool inMessage)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "named pipes are made with mkfifo");
        var path = Path.Combine(_folder, "pipe");
        using (var make = Process.Start("mkfifo", [path])) await make.WaitForExitAsync(TestContext.Current.CancellationToken);
        var writing = Task.Run(() => File.WriteAllBytesAsync(path, Bytes(size)));
        await using var content = await Open(path);
        await writing;
        Assert.Equal((inMessage, false), (content.Small is not null, content.IsFile));
        Assert.Equal(Bytes(size), await All(content));
        if (content.Large is { } kept) Assert.False(File.Exists(kept.Name));
    }

    [Fact]
    public async Task Open_DeviceWithoutAnEnd_StopsWhenTheHubWouldNotTakeIt()
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "no /dev/zero");
        var asked = new List<long>();
        await Assert.ThrowsAsync<CliException>(() => InputContent.Open("/dev/zero", (size, _) =>
        {
            asked.Add(size);
            return size > 100_000_000 ? throw CliException.Usage("too large") : Task.CompletedTask;
        }, TestContext.Current.CancellationToken));
        Assert.Equal(2, asked.Count);
    }

    [Fact]
    public async Task Open_KernelFileAndNullDevice_AreWhatTheyRead()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "of Linux");
        await using var nothing = await Open("/dev/null");
        Assert.Empty(nothing.Small!);
        await using var status = await Open("/proc/self/status"); // says that its size is 0
        Assert.NotEmpty(status.Small!);
    }

    [Theory]
    [InlineData("missing", "there is no file")]
    [InlineData(".", "is a folder")]
    public async Task Open_WhatIsNoFile_IsUsage(string name, string says) =>
        Assert.Contains(says, (await Assert.ThrowsAsync<CliException>(() => Open(Path.Combine(_folder, name)))).Message, StringComparison.Ordinal);

    private static Task<InputContent> Open(string path) => InputContent.Open(path, (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

    private static async Task<byte[]> All(InputContent content)
    {
        if (content.Small is { } small) return small;
        using var all = new MemoryStream();
        content.Large!.Position = 0;
        await content.Large.CopyToAsync(all);
        return all.ToArray();
    }

    private static byte[] Bytes(int size) => [.. Enumerable.Range(0, size).Select(at => (byte)(at * 31 >> 3))];
}
