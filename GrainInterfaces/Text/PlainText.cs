using System.Globalization;
using System.Text;

namespace HiveMind;

/// <summary>
/// What a text from a stranger may do to whoever looks at it: nothing. Characters that a terminal obeys, that turn the direction of what follows, that end a line
/// elsewhere, or that cannot be seen are refused in names and shown as escapes in free text. Pure.
/// </summary>
public static class PlainText
{
    /// <summary>Controls, format characters (direction, zero width, tags), line and paragraph separators, halves of pairs, and blanks that are no spaces.</summary>
    public static bool IsHidden(Rune rune) => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        || rune.Value is 0x034F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or 0x2800 or 0x3164 or 0xFFA0 or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF)
        || (rune.Value & 0xFFFE) == 0xFFFE;

    /// <summary>True: nothing in it is hidden. For names, which are compared by eye.</summary>
    public static bool IsPlain(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, at, out var rune) || IsHidden(rune)) return false;
            at += rune.Utf16SequenceLength;
        }

        return true;
    }

    /// <summary>The same text with what is hidden as \xNN or \u{NNNN}; line ends and tabs stay.</summary>
    public static string Visible(string text) => IsPlain(text) ? text : Rewrite(text, static (shown, code) =>
        shown.Append(code <= 0xFF ? $"\\x{code:x2}" : $"\\u{{{code:x4}}}"));

    /// <summary>The same JSON with what is hidden in its strings as \uNNNN: it reads back as what it was.</summary>
    public static string VisibleJson(string json) => IsPlain(json) ? json : Rewrite(json, static (shown, code) =>
    {
        foreach (var unit in code > 0xFFFF ? char.ConvertFromUtf32(code) : $"{(char)code}") shown.Append($"\\u{(int)unit:x4}");
    });

    private static string Rewrite(string text, Action<StringBuilder, int> hidden)
    {
        var shown = new StringBuilder(text.Length + 16);
        for (var at = 0; at < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, at, out var rune))
            {
                hidden(shown, text[at++]);
                continue;
            }

            if (IsHidden(rune) && !IsLayout(text, at)) hidden(shown, rune.Value);
            else shown.Append(text, at, rune.Utf16SequenceLength);
            at += rune.Utf16SequenceLength;
        }

        return shown.ToString();
    }

    /// <summary>A carriage return alone writes over the line that is there.</summary>
    private static bool IsLayout(string text, int at) => text[at] is '\n' or '\t' || (text[at] == '\r' && at + 1 < text.Length && text[at + 1] == '\n');
}
