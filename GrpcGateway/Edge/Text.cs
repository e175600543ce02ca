using System.Text;

namespace HiveMind.Edge;

/// <summary>What strings from outside may look like. Pure.</summary>
internal static class Text
{
    public const int IdLength = 64;

    /// <summary>Ids that callers choose are grain keys and file names elsewhere: a small alphabet, nothing that means something to a shell or a path.</summary>
    public static bool IsId(string text) => text is { Length: >= 1 and <= IdLength } && text.All(IsIdChar);

    public static bool IsIdChar(char c) => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-';

    /// <summary>For all that others see and that names something: nothing hidden in it (<see cref="PlainText"/>).</summary>
    public static bool IsPlain(string text, int maxLength) => text.Length <= maxLength && PlainText.IsPlain(text);

    /// <summary>Free text as others may see it: what is hidden shows as an escape.</summary>
    public static string Visible(string text, int length) => Cut(PlainText.Visible(Cut(text, length)), length);

    public static int Bytes(string text) => Encoding.UTF8.GetByteCount(text);

    /// <summary>For showing back in a message: nothing hidden, no novels.</summary>
    public static string Shown(string text) => Visible(text, IdLength);

    public static string Cut(string text, int length)
    {
        if (text.Length <= length) return text;
        return char.IsHighSurrogate(text[length - 1]) ? text[..(length - 1)] : text[..length];
    }
}
