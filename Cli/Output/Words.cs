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

    public static string OrDash(string text) => text.Length == 0 ? "-" : text;
}
