using System.Security.Cryptography;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Database;

namespace HiveMind.Tests.Files;

public sealed class PartialFilesTests : IDisposable
{
    private const long Limit = 1 << 20;
    private readonly TestFolder _folder = new();
    private readonly DirectoryFiles _files;
    private readonly DirectoryPartialFiles _partial;

    public PartialFilesTests()
    {
        _files = DirectoryFiles.Open(_folder.Path);
        _partial = new DirectoryPartialFiles(_files);
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(BlobRef.InlineLimit)]
    [InlineData(300_000)]
    public async Task Complete_AfterPieces_IsTheContent(int size)
    {
        var bytes = Bytes(size);
        for (var at = 0; at < size; at += 7000)
            Assert.Equal(Math.Min(size, at + 7000), await _partial.Append("a", at, bytes.AsMemory(at, Math.Min(7000, size - at)), Limit, Make.None));

        var blob = await _partial.Complete("a", size, Hash(bytes), Make.None);

        Assert.Equal((size, Hash(bytes), size <= BlobRef.InlineLimit), (blob.Size, blob.Sha256, blob.Inline is not null));
        Assert.Equal(bytes, await _files.Read(blob, Make.None));
        Assert.Equal(0, await _partial.Length("a", Make.None));
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task Append_AtAnotherOffset_ChangesNothingAndSaysWhereToGoOn()
    {
        var bytes = Bytes(10_000);
        await _partial.Append("a", 0, bytes.AsMemory(0, 6000), Limit, Make.None);

        Assert.Equal(6000, await _partial.Append("a", 0, bytes.AsMemory(0, 1000), Limit, Make.None));
        Assert.Equal(6000, await _partial.Append("a", 8000, bytes.AsMemory(8000), Limit, Make.None));
        Assert.Equal(6000, await _partial.Length("a", Make.None));

        // Another silo on the same directory goes on.
        var other = new DirectoryPartialFiles(DirectoryFiles.Open(_folder.Path));
        Assert.Equal(10_000, await other.Append("a", 6000, bytes.AsMemory(6000), Limit, Make.None));
        Assert.Equal(Hash(bytes), (await _partial.Complete("a", 10_000, null, Make.None)).Sha256);
    }

    [Fact]
    public async Task Append_AboveTheLimit_IsRefusedAndChangesNothing()
    {
        await _partial.Append("a", 0, Bytes(900), 1000, Make.None);
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => _partial.Append("a", 900, Bytes(101), 1000, Make.None));
        Assert.Equal(FailureKind.ResourceExhausted, failure.Kind);
        Assert.Equal(900, await _partial.Length("a", Make.None));
    }

    [Fact]
    public async Task Append_ManyAtOnceFromTwoSilos_EachByteOnce()
    {
        var bytes = Bytes(200_000);
        var other = new DirectoryPartialFiles(DirectoryFiles.Open(_folder.Path));
        async Task Send(DirectoryPartialFiles silo)
        {
            for (var at = 0L; at < bytes.Length;)
                at = await silo.Append("a", at, bytes.AsMemory((int)at, (int)Math.Min(4000, bytes.Length - at)), Limit, Make.None);
        }

        await Task.WhenAll(Send(_partial), Send(other), Send(_partial));
        Assert.Equal(Hash(bytes), (await _partial.Complete("a", bytes.Length, null, Make.None)).Sha256);
    }

    [Fact]
    public async Task Complete_OtherBytesOrTooFew_IsRefused()
    {
        await _partial.Append("a", 0, Bytes(5000), Limit, Make.None);
        Assert.Equal("PARTIAL_INCOMPLETE", (await Assert.ThrowsAsync<HiveMindException>(() => _partial.Complete("a", 6000, null, Make.None))).Reason);
        Assert.Equal(5000, await _partial.Length("a", Make.None));

        var failure = await Assert.ThrowsAsync<HiveMindException>(() => _partial.Complete("a", 5000, Hash(Bytes(4)), Make.None));
        Assert.Equal((FailureKind.InvalidArgument, "sha256"), (failure.Kind, failure.Field));
        Assert.Equal(0, await _partial.Length("a", Make.None));
    }

    [Fact]
    public async Task Complete_ContentThatIsThere_IsTheSameFile()
    {
        var kept = await _files.Write(Bytes(9000), Make.None);
        await _partial.Append("a", 0, Bytes(9000), Limit, Make.None);
        Assert.Equal(kept, await _partial.Complete("a", 9000, kept.Sha256, Make.None));
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task OpenRead_WhileItGrows_ReadsOnAlsoAfterCompletion()
    {
        Assert.Null(_partial.OpenRead("a"));
        var bytes = Bytes(9000);
        await _partial.Append("a", 0, bytes.AsMemory(0, 5000), Limit, Make.None);
        using var reader = _partial.OpenRead("a")!;
        var read = new byte[9000];
        await reader.ReadExactlyAsync(read.AsMemory(0, 5000));
        Assert.Equal(0, await reader.ReadAsync(read.AsMemory(5000)));
        await _partial.Append("a", 5000, bytes.AsMemory(5000), Limit, Make.None);
        await _partial.Complete("a", 9000, null, Make.None);
        await reader.ReadExactlyAsync(read.AsMemory(5000));
        Assert.Equal(bytes, read);
    }

    [Fact]
    public async Task Delete_HalfAFile_IsGone()
    {
        await _partial.Append("a", 0, Bytes(5000), Limit, Make.None);
        await _partial.Delete("a");
        await _partial.Delete("a");
        Assert.Equal(0, await _partial.Length("a", Make.None));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("a/b")]
    public async Task AnyId_ThatIsAPath_IsRefused(string id) =>
        await Assert.ThrowsAsync<ArgumentException>(() => _partial.Length(id, Make.None));

    private string[] Leftovers() => Directory.GetFiles(Path.Combine(_folder.Path, "partial"));

    internal static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }
}
