using System.Buffers;

namespace HiveMind.Cli;

/// <summary>A word is a run of bytes without ASCII white space; what the bytes mean does not matter.</summary>
internal static class WordCounter
{
    private static readonly SearchValues<byte> WhiteSpace = SearchValues.Create("\t\n\v\f\r "u8);

    public static long Count(ReadOnlySpan<byte> text)
    {
        var words = 0L;
        while (true)
        {
            var start = text.IndexOfAnyExcept(WhiteSpace);
            if (start < 0)
            {
                return words;
            }

            words++;
            text = text[start..];
            var end = text.IndexOfAny(WhiteSpace);
            if (end < 0)
            {
                return words;
            }

            text = text[end..];
        }
    }

    /// <summary>The first place at or behind <paramref name="from"/> where a cut divides no word; the length if there is none.</summary>
    public static int CutAtOrAfter(ReadOnlySpan<byte> text, int from)
    {
        if (from >= text.Length)
        {
            return text.Length;
        }

        var next = text[from..].IndexOfAny(WhiteSpace);
        return next < 0 ? text.Length : from + next;
    }
}
