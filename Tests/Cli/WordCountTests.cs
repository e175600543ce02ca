using System.Diagnostics;
using System.Globalization;
using System.Text;
using HiveMind.Cli;

namespace HiveMind.Tests.Cli;

public sealed class WordCountTests
{
    [Theory]
    [InlineData("", 0)]
    [InlineData(" \t\r\n\v\f", 0)]
    [InlineData("one", 1)]
    [InlineData(" one  two\n", 2)]
    [InlineData("a \0 b \0c", 4)]
    [InlineData("grün\u00a0und blau", 2)]
    public void Count_Text_RunsWithoutAsciiWhiteSpace(string text, long words) =>
        Assert.Equal(words, WordCounter.Count(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public async Task Count_EveryFileOfTheDemo_AsTrAndGrepDo()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tr") && File.Exists("/bin/sh"), "needs a shell with tr and grep");
        var files = await TextFiles.Find(TextFiles.DefaultInput(AppContext.BaseDirectory), CancellationToken.None);
        Assert.NotEmpty(files);
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardOutput = true, RedirectStandardInput = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add("while IFS= read -r F; do LC_ALL=C tr -s '[:space:]' '\\n' <\"$F\" | LC_ALL=C grep -ac . ; done");
        using var shell = Process.Start(start)!;
        var printed = shell.StandardOutput.ReadToEndAsync();
        foreach (var file in files)
        {
            await shell.StandardInput.WriteLineAsync(file);
        }

        shell.StandardInput.Close();
        var counts = (await printed).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => long.Parse(line, CultureInfo.InvariantCulture));
        Assert.Equal(counts, files.Select(file => WordCounter.Count(File.ReadAllBytes(file))));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(1000)]
    public void Cut_AnyShare_KeepsEveryWord(int share)
    {
        byte[][] files = ["one two"u8.ToArray(), "three"u8.ToArray(), [], "  four five six seven eight\nnine "u8.ToArray()];
        var chunks = Corpus.Cut(files, share);
        Assert.Equal(9, chunks.Sum(chunk => WordCounter.Count(chunk)));
        Assert.All(chunks, chunk => Assert.True(WordCounter.Count(chunk) > 0));
    }
}
