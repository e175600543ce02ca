using System.Text;
using System.Text.Json;
using HiveMind.Cli;
using HiveMind.Edge;

namespace HiveMind.Tests.Cli;

/// <summary>Nothing that a stranger says is obeyed by the terminal, or hides from the eye, of whoever reads it.</summary>
public sealed class PlainTextTests
{
    private const string Title = "\u001b]0;PWNED\u0007", Turned = "\u202eevil", Tag = "\U000E0041";

    [Theory]
    [InlineData("plain, äöü 日本語 🙂", true)]
    [InlineData("\u001b[2J", false)]
    [InlineData("\u009b2J", false)] // the same in one character
    [InlineData("a\u202eb", false)]
    [InlineData("a\u2066b", false)]
    [InlineData("a\u200bb", false)]
    [InlineData("a\u2028b", false)]
    [InlineData("a\u2029b", false)]
    [InlineData("a\ufeffb", false)]
    [InlineData("a\u3164b", false)]
    [InlineData("a\ufe0fb", false)]
    [InlineData("a\U000E0041b", false)]
    [InlineData("a\nb", false)]
    public void IsPlain_WhatHidesOrIsObeyed_IsNot(string text, bool isPlain) => Assert.Equal(isPlain, Text.IsPlain(text, 64));

    [Fact]
    public void IsPlain_HalfOfAPair_IsNot() => Assert.False(Text.IsPlain("a" + (char)0xD83D, 64));

    [Fact]
    public void Visible_FreeText_KeepsItsLinesAndShowsTheRest()
    {
        Assert.Equal("line\r\n\tnext", PlainText.Visible("line\r\n\tnext"));
        Assert.Equal(@"\x1b]0;PWNED\x07", PlainText.Visible(Title));
        Assert.Equal(@"\u{202e}evil\u{e0041}\xad", PlainText.Visible(Turned + Tag + "\u00ad"));
        Assert.Equal(@"over\x0dwritten", PlainText.Visible("over\rwritten"));
        Assert.Equal("äöü 日本語 🙂", PlainText.Visible("äöü 日本語 🙂"));
        Assert.Equal(10, Text.Visible(new string('\u001b', 4096), 10).Length);
    }

    [Fact]
    public void Terminal_EveryWay_WritesNothingThatIsObeyed()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal(output, error) { CanDraw = false };
        terminal.Result($"a {Title}", new { });
        terminal.Message($"b {Turned}");
        terminal.Status($"c {Title}{Tag}");
        terminal.Fail(new CliException(1, $"d {Title}"));
        terminal.Json = true;
        terminal.Result("", new { Message = Title + Turned + Tag });
        terminal.Fail(new CliException(1, $"e {Turned}"));

        foreach (var line in $"{output}{error}".Split(['\n', '\r'], StringSplitOptions.RemoveEmptyEntries)) Assert.True(PlainText.IsPlain(line), line);
        var json = output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries)[1];
        Assert.Equal(Title + Turned + Tag, JsonDocument.Parse(json).RootElement.GetProperty("message").GetString());
    }

    [Fact]
    public void Table_CellOfAStranger_IsShownAsEscapes()
    {
        var table = new TextTable("NODE");
        table.Add(Title);
        Assert.Contains(@"\x1b]0;PWNED\x07", table.Plain(), StringComparison.Ordinal);
    }

    [Fact]
    public void ProgramOutput_OnATerminal_IsVisible_AndIntoAPipeByteForByte()
    {
        var bytes = Encoding.UTF8.GetBytes($"größer\r\n{Title}{Turned}\tend");
        using var screen = new MemoryStream();
        using var pipe = new MemoryStream();
        using (var shown = ForeignBytes.Open(screen, isRedirected: false))
            foreach (var one in bytes) shown.Write([one]); // letters and line ends cut anywhere
        ForeignBytes.Open(pipe, isRedirected: true).Write(bytes);

        Assert.Equal("größer\r\n" + @"\x1b]0;PWNED\x07\u{202e}evil" + "\tend", Encoding.UTF8.GetString(screen.ToArray()));
        Assert.Equal(bytes, pipe.ToArray());
    }
}
