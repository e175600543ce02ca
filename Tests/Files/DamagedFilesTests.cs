using System.Diagnostics;
using HiveMind.Storage;
using HiveMind.Tests.Database;

namespace HiveMind.Tests.Files;

/// <summary>Disks that fill up, fail to sync or change what they were given: nothing wrong is kept, and nothing wrong is handed out.</summary>
public sealed class DamagedFilesTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(100_000)]
    [InlineData(299_999)]
    public async Task OpenRead_ABitChangedAnywhere_TheEndIsNeverReached(int at)
    {
        var files = DirectoryFiles.Open(_folder.Path);
        var blob = await files.Write(Bytes(300_000), Make.None);
        var path = files.PathOf(blob.Sha256);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[at] ^= 4;
        await File.WriteAllBytesAsync(path, bytes);

        foreach (var from in new[] { 0L, 150_000, 299_000 })
        {
            await using var stream = files.OpenRead(blob);
            stream.Seek(from, SeekOrigin.Begin);
            var got = 0L;
            var failure = await Assert.ThrowsAsync<HiveMindException>(async () =>
            {
                var buffer = new byte[65536];
                while (await stream.ReadAsync(buffer) is var read and > 0) got += read;
            });
            Assert.Equal((FailureKind.FailedPrecondition, "RESULT_DAMAGED"), (failure.Kind, failure.Reason));
            Assert.True(from + got < blob.Size);
        }

        Assert.Equal("RESULT_DAMAGED", (await Assert.ThrowsAsync<HiveMindException>(() => files.Read(blob, Make.None))).Reason);
        await files.Write(Bytes(300_000), Make.None); // who brings the content again mends it
        Assert.Equal(Bytes(300_000), await files.Read(blob, Make.None));
    }

    [Fact]
    public async Task OpenRead_FromAnyPlace_IsWhatWasWritten()
    {
        var files = DirectoryFiles.Open(_folder.Path);
        var blob = await files.Write(Bytes(300_000), Make.None);
        foreach (var from in new[] { 0, 1, 131_072, 299_999, 300_000 })
        {
            await using var stream = files.OpenRead(blob);
            stream.Seek(from, SeekOrigin.Begin);
            using var rest = new MemoryStream();
            await stream.CopyToAsync(rest);
            Assert.Equal(Bytes(300_000)[from..], rest.ToArray());
        }
    }

    [Fact]
    public async Task Write_LittleRoom_NewWorkStopsAndResultsGoOn()
    {
        var free = DiskSpace.LeastBytes + DiskSpace.KeptForResultsBytes + 5000;
        var files = DirectoryFiles.Open(_folder.Path, freeBytes: () => free);
        var partials = new DirectoryPartialFiles(files, () => free);
        var uploads = new DirectoryUploads(files, partials, TimeProvider.System);
        await files.Write(Bytes(5000), Make.None, isNewWork: true);
        await uploads.RequireRoom(5000, Make.None);
        free--;

        Assert.Equal("DISK_FULL", (await Assert.ThrowsAsync<HiveMindException>(() => files.Write(Bytes(5000), Make.None, isNewWork: true))).Reason);
        Assert.Equal("DISK_FULL", (await Assert.ThrowsAsync<HiveMindException>(() => uploads.RequireRoom(5000, Make.None))).Reason);
        await files.Write(Bytes(5000), Make.None);
        Assert.Equal(5000, await partials.Append("out", 0, Bytes(5000), 10_000, Make.None));
        free = DiskSpace.LeastBytes;
        Assert.Equal("DISK_FULL", (await Assert.ThrowsAsync<HiveMindException>(() => partials.Append("out", 5000, Bytes(1), 10_000, Make.None))).Reason);
    }

    [Fact]
    public async Task Complete_SyncFails_BeginsAnewInsteadOfSyncingAgain()
    {
        var files = DirectoryFiles.Open(_folder.Path);
        var syncs = 0;
        var partials = new DirectoryPartialFiles(files, () => long.MaxValue, handle =>
        {
            if (syncs++ == 0) throw new IOException("Input/output error");
            RandomAccess.FlushToDisk(handle);
        });
        await partials.Append("out", 0, Bytes(9000), 10_000, Make.None);

        Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<HiveMindException>(() => partials.Complete("out", 9000, null, Make.None))).Kind);

        Assert.Equal(0, await partials.Length("out", Make.None)); // the bytes are asked for again
        Assert.Equal("PARTIAL_INCOMPLETE", (await Assert.ThrowsAsync<HiveMindException>(() => partials.Complete("out", 9000, null, Make.None))).Reason);
        await partials.Append("out", 0, Bytes(9000), 10_000, Make.None);
        Assert.Equal(Bytes(9000), await files.Read(await partials.Complete("out", 9000, null, Make.None), Make.None));
    }

    [Fact]
    public async Task Write_DiskFillsUpOnTheWay_LeavesNothingAndWorksAgainWithRoom()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root", "needs root, to mount a small disk");
        var disk = Directory.CreateDirectory(Path.Combine(_folder.Path, "disk")).FullName;
        Assert.SkipUnless(Run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk) == 0, "may not mount here");
        try
        {
            var files = DirectoryFiles.Open(Path.Combine(disk, "files"), freeBytes: () => long.MaxValue);
            var partials = new DirectoryPartialFiles(files, () => long.MaxValue);
            var uploads = new DirectoryUploads(files, partials, TimeProvider.System);
            var kept = await files.Write(Bytes(9000), Make.None);
            for (var round = 0; round < 20; round++)
            {
                var big = Bytes(5_000_000, round);
                Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<HiveMindException>(() => files.Write(big, Make.None))).Kind);
                Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<HiveMindException>(() => partials.Append("p", 0, big, big.Length, Make.None))).Kind);
                Assert.Equal(0, await partials.Length("p", Make.None));
                Assert.Empty(Directory.EnumerateFiles(files.Temporary));
                Assert.Equal(Bytes(9000), await files.Read(kept, Make.None));
                var fits = await files.Write(Bytes(1_000_000, round), Make.None);
                Assert.Equal(Bytes(1_000_000, round), await files.Read(fits, Make.None));
                File.Delete(files.PathOf(fits.Sha256));
            }

            File.WriteAllBytes(Path.Combine(disk, "filler"), []);
            using (var filler = new FileStream(Path.Combine(disk, "filler"), FileMode.Append))
            {
                try
                {
                    while (true) filler.Write(new byte[4096]);
                }
                catch (IOException)
                {
                    // full to the last block
                }
            }

            var small = new UploadSpec(100, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Bytes(100))));
            await Assert.ThrowsAsync<HiveMindException>(async () =>
            {
                await partials.Append("up", 0, Bytes(100), 100, Make.None);
                await uploads.Complete("u", small, Make.None);
            });
            Assert.Null(await uploads.Find("u", small, Make.None));
        }
        finally
        {
            Run("umount", "-l", disk);
        }
    }

    private static byte[] Bytes(int count, int seed = 1)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode;
    }
}
