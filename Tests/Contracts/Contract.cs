using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Contracts;

/// <summary>One contract as lines of "key: value", sorted; kept beside the tests so that a change is seen in review.</summary>
internal sealed record Contract(IReadOnlyDictionary<string, string> Facts)
{
    public static Contract Of(IEnumerable<(string Key, string Value)> facts) => new(facts.ToDictionary(fact => fact.Key, fact => fact.Value));

    public static Contract Read(string name) => Parse(File.ReadAllText(PathOf(name)));

    public static Contract Parse(string text) => new(text.Split('\n').Select(line => line.TrimEnd('\r'))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(": ", 2))
        .ToDictionary(pair => pair[0], pair => pair.Length > 1 ? pair[1] : ""));

    public void Write(string name, string about) => File.WriteAllText(PathOf(name),
        $"# {about}\n# Written by `.ci/contracts`, never by hand: CONTRIBUTING.md says what may change.\n{Text}");

    public string Text => string.Concat(Facts.OrderBy(fact => fact.Key, Natural.Order).Select(fact => fact.Value.Length > 0 ? $"{fact.Key}: {fact.Value}\n" : $"{fact.Key}\n"));

    private static string PathOf(string name) => Path.Combine(Repository.Root, "Tests", "Contracts", name);

    /// <summary>Numbers at the end of a key by their value, so that field 10 follows field 9.</summary>
    private sealed class Natural : IComparer<string>
    {
        public static readonly Natural Order = new();

        public int Compare(string? x, string? y)
        {
            var (a, b) = (Split(x!), Split(y!));
            return string.CompareOrdinal(a.Text, b.Text) is not 0 and var order ? order : a.Number.CompareTo(b.Number);
        }

        private static (string Text, long Number) Split(string key) =>
            key.LastIndexOf(' ') is > 0 and var at && long.TryParse(key.AsSpan(at + 1), out var number) ? (key[..at], number) : (key, -1);
    }
}
