using System.Text;
using HiveMind.Edge;

namespace HiveMind.Users;

/// <summary>
/// What a new password may be: long enough in characters as people count them, and none of those that are guessed first. No rules on which kinds of characters
/// it is made of: they make passwords that are hard to remember, not hard to guess. Pure.
/// </summary>
internal static class PasswordRules
{
    public const int Min = 8, Max = 256;
    private const int DistinctMin = 4, DigitsBehind = 4, UnitMax = 4;
    private const string Length = "8 to 256 characters, none of them a control character.";
    private const string Common = "One of those that are guessed first: choose another, such as four words that have nothing to do with each other.";
    private const string Personal = "Too much like the user name, the e-mail or this hub's name: choose another.";

    private static readonly HashSet<string> Words = ReadWords();

    /// <summary>What is wrong with it, or null.</summary>
    public static string? Problem(string password, string username = "", string email = "")
    {
        var length = password.EnumerateRunes().Count();
        if (length is < Min or > Max || password.Any(char.IsControl)) return Length;
        if (string.IsNullOrWhiteSpace(password) || IsPlainPattern(password) || IsCommon(password)) return Common;
        return IsPersonal(password, username, email) ? Personal : null;
    }

    public static IReadOnlyList<FieldProblem> Check(string field, string password, string username, string email) =>
        Problem(password, username, email) is { } fix ? [new FieldProblem(field, fix)] : [];

    /// <summary>A word of the list, also twice, with signs for letters, with some digits and one sign behind it.</summary>
    internal static bool IsCommon(string password)
    {
        var lower = password.ToLowerInvariant();
        return Words.Contains(lower) || Stems(lower).Any(stem => Words.Contains(stem) || Words.Contains(Unspelled(stem)) || IsTwice(stem));
    }

    private static bool IsTwice(string text) => text.Length % 2 == 0 && text[..(text.Length / 2)] == text[(text.Length / 2)..] && Words.Contains(text[..(text.Length / 2)]);

    /// <summary>The text without up to four digits behind it, and without one sign before or after them.</summary>
    private static IEnumerable<string> Stems(string text)
    {
        foreach (var bare in text.Length > 0 && IsSign(text[^1]) ? new[] { text, text[..^1] } : [text])
        {
            for (var cut = 0; cut <= DigitsBehind && cut < bare.Length; cut++)
            {
                yield return bare[..^cut];
                if (!char.IsAsciiDigit(bare[^(cut + 1)])) break;
            }
        }
    }

    private static bool IsSign(char c) => c is '!' or '?' or '.' or '*' or '#' or '$' or '@';

    private static string Unspelled(string text) => string.Concat(text.Select(c => c switch
    {
        '@' or '4' => 'a', '3' => 'e', '1' or '!' => 'i', '0' => 'o', '$' or '5' => 's', '7' => 't', '8' => 'b', '9' => 'g', _ => c,
    }));

    /// <summary>Few different characters, a short unit over and over, or one step after another through the alphabet.</summary>
    private static bool IsPlainPattern(string password)
    {
        var runes = password.EnumerateRunes().Select(rune => rune.Value).ToArray();
        if (runes.Distinct().Count() < DistinctMin) return true;
        for (var unit = 1; unit <= UnitMax; unit++)
            if (Enumerable.Range(unit, runes.Length - unit).All(i => runes[i] == runes[i - unit])) return true;
        var step = runes[1] - runes[0];
        return step is 1 or -1 && Enumerable.Range(1, runes.Length - 1).All(i => runes[i] - runes[i - 1] == step
            || (runes[i - 1], runes[i]) is ('9', '0') or ('0', '9'));
    }

    private static bool IsPersonal(string password, string username, string email)
    {
        var stems = Stems(password.ToLowerInvariant()).ToArray();
        var own = new[] { username, email, email.Split('@')[0], "hivemind", new string([.. username.Reverse()]) };
        return own.Where(name => name.Length >= 3).Select(name => name.ToLowerInvariant())
            .Any(name => stems.Any(stem => stem == name || stem == name + name || stem == "hivemind" + name || stem == name + "hivemind"));
    }

    private static HashSet<string> ReadWords()
    {
        using var list = new StreamReader(typeof(PasswordRules).Assembly.GetManifestResourceStream("HiveMind.Users.common-passwords.txt")!, Encoding.UTF8);
        return [.. list.ReadToEnd().Split('\n').Where(line => !line.StartsWith('#')).SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
    }
}
