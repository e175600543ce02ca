using System.Text;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

public sealed class PrintedStreamTests
{
    private readonly MemoryStream _shown = new();
    private readonly PrintedStream _stream;

    public PrintedStreamTests() => _stream = new PrintedStream(_shown);

    private string Shown => Encoding.UTF8.GetString(_shown.ToArray());

    private Task<bool> Write(int attempt, string text) => _stream.Write(attempt, Encoding.UTF8.GetBytes(text), default);

    [Fact]
    public async Task Write_NextAttemptPrintsTheSame_IsShownOnce()
    {
        Assert.True(await Write(1, "one two"));
        Assert.True(await Write(2, "one "));
        Assert.True(await Write(2, "two three"));
        Assert.True(_stream.Complete());
        Assert.Equal("one two three", Shown);
    }

    [Fact]
    public async Task Write_NextAttemptPrintsSomethingElse_AllOfItIsAskedForAndShown()
    {
        Assert.True(await Write(1, "random 17\n"));
        Assert.True(await Write(2, "random"));
        Assert.False(await Write(2, " 42\n and more"));
        Assert.True(await Write(2, "random 42\n and more"));
        Assert.True(_stream.Complete());
        Assert.Equal("random 17\nrandom 42\n and more", Shown);
    }

    [Fact]
    public async Task Complete_LastAttemptPrintedLess_AllOfItIsAskedForAndShown()
    {
        Assert.True(await Write(1, "a long line"));
        Assert.True(await Write(2, "a"));
        Assert.False(_stream.Complete());
        Assert.True(await Write(2, "a"));
        Assert.True(_stream.Complete());
        Assert.Equal("a long linea", Shown);
    }
}
