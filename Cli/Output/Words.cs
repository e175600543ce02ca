using System.Globalization;
using System.Text;

namespace HiveMind.Cli;

/// <summary>Small spellings that several verbs share.</summary>
internal static class Words
{
    public static string UpperSnake(string pascal)
    {
        var text = new StringBuilder();
        foreach (var letter in pascal)
        {
            if (char.IsUpper(letter) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToUpperInvariant(letter));
        }

        return text.ToString();
    }

    public static string Credits(double credits) => credits.ToString("0.######", CultureInfo.InvariantCulture);

    public static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>On one line, whatever was said: an end of line within a name or a message would begin what looks like a line of ours.</summary>
    public static string Line(string text) => text.Replace("\r\n", "\n", StringComparison.Ordinal).Replace("\n", "\\x0a", StringComparison.Ordinal);

    /// <summary>A text in lines of at most so many characters, broken at spaces.</summary>
    public static IEnumerable<string> Wrapped(string text, int width)
    {
        var rest = Line(text);
        while (rest.Length > width && rest.LastIndexOf(' ', width) is > 0 and var cut)
        {
            yield return rest[..cut];
            rest = rest[(cut + 1)..];
        }

        yield return rest;
    }

    public static string OrDash(string text) => text.Length == 0 ? "-" : text;
}
