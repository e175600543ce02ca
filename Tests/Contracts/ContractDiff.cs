using System.Text;

namespace HiveMind.Tests.Contracts;

/// <summary>
/// What differs between the contract that is kept and the one of this build. A break is what an older peer or a stored record would misread: anything gone or changed.
/// What is only added is none. Pure.
/// </summary>
internal sealed record ContractDiff(IReadOnlyList<string> Breaks, IReadOnlyList<string> Harmless)
{
    public const string Renew = ".ci/contracts";

    public static ContractDiff Between(Contract kept, Contract built, bool namesCount)
    {
        List<string> breaks = [], harmless = [];
        foreach (var (key, was) in kept.Facts)
        {
            if (!built.Facts.TryGetValue(key, out var now)) breaks.Add(MovedTo(kept, built, key, was) is { } other ? $"renumbered: {key}: {was}, which is {other} now" : $"removed: {Shown(key, was)}");
            else if (now == was) continue;
            else if (!namesCount && IsField(key) && Unnamed(now) == Unnamed(was)) harmless.Add($"renamed: {key}: {was} → {now}");
            else breaks.Add($"changed: {key}: {was} → {now}");
        }

        harmless.AddRange(built.Facts.Where(fact => !kept.Facts.ContainsKey(fact.Key)).Select(fact => $"added: {Shown(fact.Key, fact.Value)}"));
        return new(breaks, harmless);
    }

    public bool IsNone => Breaks.Count == 0 && Harmless.Count == 0;

    /// <summary>What a failing test prints.</summary>
    public string Report()
    {
        var text = new StringBuilder();
        if (Breaks.Count > 0)
        {
            text.AppendLine("BREAKS what an older hub, worker, client or stored record says or reads:");
            foreach (var line in Breaks) text.Append("  ").AppendLine(line);
            text.AppendLine("Put it back and add something new beside it. If nobody can have the old form any more:").Append("  ").Append(Renew).AppendLine(" --break");
        }

        if (Harmless.Count > 0)
        {
            text.AppendLine("Fine, and not written down yet:");
            foreach (var line in Harmless) text.Append("  ").AppendLine(line);
            text.AppendLine("Write it down and commit it with the change:").Append("  ").AppendLine(Renew);
        }

        return text.ToString();
    }

    private static string Shown(string key, string value) => value.Length > 0 ? $"{key}: {value}" : key;

    private static bool IsField(string key) => key.StartsWith("field ", StringComparison.Ordinal);

    /// <summary>The last word of a field is its name.</summary>
    private static string Unnamed(string field) => field.LastIndexOf(' ') is > 0 and var at ? field[..at] : field;

    /// <summary>A field of the same type and name under another number of the same message.</summary>
    private static string? MovedTo(Contract kept, Contract built, string key, string was) => !IsField(key) ? null
        : built.Facts.Where(fact => fact.Value == was && !kept.Facts.ContainsKey(fact.Key) && Unnamed(fact.Key) == Unnamed(key)).Select(fact => fact.Key).FirstOrDefault();
}
