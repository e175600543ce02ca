using System.Security.Cryptography;
using HiveMind.Storage;
using HiveMind.Tests.Processes;
using HiveMind.Tasks;
using HiveMind.Tests.Database;

namespace HiveMind.Tests.Files;

public sealed class DirectoryFilesTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly DirectoryFiles _files;

    public DirectoryFilesTests() => _files = DirectoryFiles.Open(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(BlobRef.InlineLimit)]
    [InlineData(BlobRef.InlineLimit + 1)]
    [InlineData(1_000_000)]
    public async Task Write_AnySize_IsReadBack(int size)
    {
        var bytes = Bytes(size);
        var whole = await _files.Write(bytes, Make.None);

        Assert.Equal((size, Convert.ToHexStringLower(SHA256.HashData(bytes))), (whole.Size, whole.Sha256));
        Assert.Equal(size <= BlobRef.InlineLimit, whole.Inline is not null);
        Assert.Equal(bytes, await _files.Read(whole, Make.None));
        using var stream = _files.OpenRead(whole);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        Assert.Equal(bytes, copy.ToArray());
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task Write_SameContentAgain_KeepsTheFileAndMakesItYoung()
    {
        var blob = await _files.Write(Bytes(5000), Make.None);
        var path = _files.PathOf(blob.Sha256);
        var old = new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, old);

        Assert.Equal(blob, await _files.Write(Bytes(5000), Make.None));

        Assert.True(File.GetLastWriteTimeUtc(path) > old, "a file in use again is not collected for its age");
        Assert.Equal(Path.Combine(_folder.Path, blob.Sha256[..2], blob.Sha256[2..4], blob.Sha256), path);
    }

    [Fact]
    public async Task Write_SameContentAtOnce_IsOneFile()
    {
        var blobs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => _files.Write(Bytes(9000), Make.None)));
        Assert.Single(blobs.Distinct());
        Assert.Equal(Bytes(9000), await _files.Read(blobs[0], Make.None));
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task Write_AnotherSiloHoldsTheName_WaitsAndIsKept()
    {
        var sha256 = Convert.ToHexStringLower(SHA256.HashData(Bytes(9000)));
        var held = await DirectoryFiles.Open(_folder.Path).Locks.Take(sha256, Make.None);
        var writing = _files.Write(Bytes(9000), Make.None);
        await Wait.Until(() => Leftovers().Length > 0, TimeSpan.FromSeconds(10), () => "nothing is being written");
        Assert.False(writing.IsCompleted);
        held.Dispose();
        Assert.Equal(Bytes(9000), await _files.Read(await writing, Make.None));
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task Read_DamagedFile_IsNeverHandedOut()
    {
        var blob = await _files.Write(Bytes(5000), Make.None);
        var path = _files.PathOf(blob.Sha256);
        var bytes = await File.ReadAllBytesAsync(path);
        bytes[4999] ^= 1;
        await File.WriteAllBytesAsync(path, bytes);
        Assert.Equal("RESULT_DAMAGED", (await Assert.ThrowsAsync<HiveMindException>(() => _files.Read(blob, Make.None))).Reason);

        await File.WriteAllBytesAsync(path, bytes[..4000]);
        Assert.Equal("RESULT_DAMAGED", Assert.Throws<HiveMindException>(() => _files.OpenRead(blob)).Reason);

        Assert.Equal(blob, await _files.Write(Bytes(5000), Make.None)); // a torn file is written anew
        Assert.Equal(Bytes(5000), await _files.Read(blob, Make.None));
        File.Delete(path);
        Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<HiveMindException>(() => _files.Read(blob, Make.None))).Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../../../etc/passwd")]
    [InlineData("aa/bb")]
    [InlineData("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855")]
    [InlineData("../c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555")]
    public void OpenRead_NotAHash_IsRefused(string hash) =>
        Assert.Equal(FailureKind.InvalidArgument, Assert.Throws<HiveMindException>(() => _files.OpenRead(new BlobRef(1, hash, null))).Kind);

    [Fact]
    public void Open_LeftoversOfACrash_AreRemovedButNotWhatIsBeingWritten()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "tmp", "old"), "half a payload");
        using var writing = new HashedTempFile(Path.Combine(_folder.Path, "tmp"));
        var again = DirectoryFiles.Open(_folder.Path);

        Assert.Equal(_files.FilesId, again.FilesId);
        Assert.Single(Leftovers());
        Assert.DoesNotContain(Leftovers(), f => Path.GetFileName(f) == "old");
    }

    [Fact]
    public void Open_AFileInTheWay_IsRefusedInOneLine()
    {
        var path = Path.Combine(_folder.Path, "file");
        File.WriteAllText(path, "");
        Assert.DoesNotContain('\n', Assert.Throws<StoreRefusedException>(() => DirectoryFiles.Open(path)).Message);
    }

    [Fact]
    public async Task Write_DirectoryGone_IsUnavailable()
    {
        Directory.Delete(Path.Combine(_folder.Path, "tmp"), recursive: true);
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => _files.Write(Bytes(5000), Make.None));
        Assert.Equal((FailureKind.Unavailable, "FILES_UNAVAILABLE"), (failure.Kind, failure.Reason));
    }

    [Fact]
    public void DiskSpace_AtTheLimit_IsEnough()
    {
        Assert.True(DiskSpace.IsEnough(DiskSpace.LeastBytes));
        Assert.False(DiskSpace.IsEnough(DiskSpace.LeastBytes - 1));
        Assert.True(DiskSpace.FreeBytes(_folder.Path) > 0);
    }

    private string[] Leftovers() => Directory.GetFiles(Path.Combine(_folder.Path, "tmp"));

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

}
