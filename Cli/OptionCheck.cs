using System.CommandLine;
using HiveMind.Configuration;
using HiveMind.Storage;

namespace HiveMind.Cli;

/// <summary>
/// Whether the words of a command line are options that there are. A parser that takes every word it does not know for an argument turns a misspelt option into the
/// program's, or into nothing. Pure.
/// </summary>
internal static class OptionCheck
{
    /// <summary>What a silo takes beside its settings, and what its web server does.</summary>
    private static readonly string[] SiloFlags =
    [
        StoreMatch.AcceptFlag, StoreMatch.AcceptDatabaseFlag, StoreMatch.AcceptOlderDatabaseFlag, SiloConfiguration.LanFlag,
        "--environment", "--contentRoot", "--applicationName", "--urls", "--AllowedHosts",
    ];

    private static readonly string[] Help = ["--help", "-h", "-?"];

    /// <summary>What is wrong with the words after a verb, or null.</summary>
    public static string? Problem(Command verb, IReadOnlyList<string> words)
    {
        var options = verb.Options.ToDictionary(option => option, option => option.Aliases.Append(option.Name).ToArray());
        string[] known = [.. options.Where(pair => !pair.Key.Hidden).SelectMany(pair => pair.Value), .. verb.TreatUnmatchedTokensAsErrors ? [] : SiloFlags];
        var arguments = 0;
        string? file = null;
        var hasCode = false;
        for (var at = 0; at < words.Count; at++)
        {
            var word = words[at];
            if (word == "--")
            {
                break;
            }

            if (!IsOption(word))
            {
                file ??= word;
                arguments++;
                continue;
            }

            var cut = word.IndexOfAny(['=', ':']);
            var name = cut < 0 ? word : word[..cut];
            var option = options.FirstOrDefault(pair => pair.Value.Contains(name)).Key ?? Short(options, word);
            if (option is null && !Help.Contains(word))
            {
                if (Unknown(verb, word, name, file is not null, known) is { } problem)
                {
                    return problem;
                }

                continue;
            }

            if (option is null)
            {
                continue;
            }

            hasCode |= verb is SubmitVerb && option.Aliases.Contains("-c");
            if (cut < 0 && word == name && options[option].Contains(word) && option.Arity.MinimumNumberOfValues > 0)
            {
                at++;
            }
        }

        return verb is SubmitVerb && hasCode && arguments > 0
            ? $"'{file}' beside -c: the program is either a file or the code after -c, and its arguments go after -- (… -c CODE -- {file})." : null;
    }

    /// <summary>The one of some words that a word was likely meant to be.</summary>
    public static string? Nearest(string word, IEnumerable<string> among)
    {
        var nearest = among.Where(other => other.Length > 2).Select(other => (Word: other, Far: Distance(word, other))).OrderBy(one => one.Far).FirstOrDefault();
        return nearest.Word is { } found && nearest.Far <= Math.Max(1, Math.Min(3, (found.Length - 2) / 3)) ? found : null;
    }

    private static bool IsOption(string word) => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]);

    // -c5 and -c=5: the parser takes the rest for the value.
    private static Option? Short(Dictionary<Option, string[]> options, string word) =>
        word[1] == '-' ? null : options.FirstOrDefault(pair => pair.Value.Any(alias => alias.Length == 2 && word.StartsWith(alias, StringComparison.Ordinal))).Key;

    private static string? Unknown(Command verb, string word, string name, bool isAfterFile, string[] known)
    {
        var nearest = Nearest(name, known);
        var meant = nearest is null ? "" : $" did you mean {nearest}?";
        if (verb is SubmitVerb)
        {
            // Behind the program a word is the program's, unless it looks like a slip of one of ours.
            return isAfterFile && nearest is null ? null
                : $"{name}:{(nearest is null ? " no option of submit." : meant)} What is the program's own goes after --.";
        }

        // Settings of a silo have a section in their name; the silo itself knows which there are.
        return !verb.TreatUnmatchedTokensAsErrors && (word.Contains(':', StringComparison.Ordinal) || SiloFlags.Contains(name)) ? null
            : $"{name}:{(nearest is null ? $" no option of {verb.Name}." : meant)}{(verb.TreatUnmatchedTokensAsErrors ? "" : " Settings are written like --HiveMind:Grpc:Port=50052.")}";
    }

    /// <summary>Letters put in, left out, changed, or changed in place with their neighbour.</summary>
    private static int Distance(string one, string other)
    {
        var far = new int[one.Length + 1, other.Length + 1];
        for (var i = 0; i <= one.Length; i++) far[i, 0] = i;
        for (var j = 0; j <= other.Length; j++) far[0, j] = j;
        for (var i = 1; i <= one.Length; i++)
        {
            for (var j = 1; j <= other.Length; j++)
            {
                var change = far[i - 1, j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1);
                far[i, j] = Math.Min(change, Math.Min(far[i - 1, j], far[i, j - 1]) + 1);
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    far[i, j] = Math.Min(far[i, j], far[i - 2, j - 2] + 1);
                }
            }
        }

        return far[one.Length, other.Length];
    }
}
