using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Workers;

/// <summary>A pump that cannot go on says so: nobody would read the program's pipe any more.</summary>
public sealed class OutputFileTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hivemind-test-").FullName;

    public void Dispose() => RunPlace.Remove(_root);

    [Fact]
    public async Task Copy_FullDevice_IsTheMachinesFaultAndNamesNoFolder()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "No /dev/full here.");
        var output = new OutputFile("/dev/full", 1000);
        await output.Copy(new MemoryStream("some output"u8.ToArray()), TestContext.Current.CancellationToken);
        Assert.True(output.Broken.IsCompleted);
        Assert.Equal("The disk of this machine is full.", output.Problem);
    }

    [Fact]
    public async Task Copy_NoFolder_IsSaidInTheSystemsWords()
    {
        var output = new OutputFile(Path.Combine(_root, "none", "stdout"), 1000);
        await output.Copy(new MemoryStream([1]), TestContext.Current.CancellationToken);
        Assert.StartsWith("This machine could not keep the program's output: ", output.Problem, StringComparison.Ordinal);
        Assert.DoesNotContain(_root, output.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copy_SourceBreaks_IsSaid()
    {
        var output = new OutputFile(Path.Combine(_root, "stdout"), 1000);
        await output.Copy(new BrokenStream(), TestContext.Current.CancellationToken);
        Assert.NotNull(output.Problem);
    }

    [Fact]
    public async Task Copy_Whole_HasNoProblem()
    {
        var output = new OutputFile(Path.Combine(_root, "stdout"), 3);
        await output.Copy(new MemoryStream("four"u8.ToArray()), TestContext.Current.CancellationToken);
        Assert.Null(output.Problem);
        Assert.True(output.TooLarge.IsCompleted);
        Assert.Equal("fou", await File.ReadAllTextAsync(Path.Combine(_root, "stdout"), TestContext.Current.CancellationToken));
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("broken");
    }
}
