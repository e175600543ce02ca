using HiveMind.Scheduling;

namespace HiveMind.Cli;

/// <summary>Labels as people write them on the command line: NAME=VALUE. The hub checks them again.</summary>
internal static class LabelWords
{
    public static IReadOnlyDictionary<string, string> Read(IEnumerable<string> words)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var word in words)
        {
            var (name, value) = Split(word);
            if (!labels.TryAdd(name, value))
            {
                throw CliException.Usage($"--label: {name} is given twice.");
            }
        }

        return labels;
    }

    private static (string Name, string Value) Split(string word)
    {
        var parts = word.Split('=', 2);
        return parts switch
        {
            [var name, var value] when LabelText.IsKey(name) && LabelText.IsValue(value) && !LabelText.IsHubs(name) => (name, value),
            [var name, _] when LabelText.IsHubs(name) =>
                throw CliException.Usage($"--label: {name} is said by the hub itself: gpu., node. and machine. are its own."),
            _ => throw CliException.Usage(
                $"--label: '{word}' is not NAME=VALUE, each up to 63 of A-Z a-z 0-9 . _ / - (the value may be empty)."),
        };
    }
}
