using System.Diagnostics.CodeAnalysis;

namespace HiveMind.Scheduling;

/// <summary>
/// What a node's labels must say for a task to run there: requirements that must all be met. Modelled on the label selectors of Kubernetes
/// (`kubernetes/apimachinery:pkg/labels/selector.go`; `Gt` and `Lt` are of its node affinity), written as people write conditions:
/// <code>
/// expression  = [ requirement { ( "," | "and" | "&amp;&amp;" ) requirement } ]
/// requirement = key | "!" key | key ( "=" | "==" | "!=" ) value | key ( "in" | "not in" | "notin" ) "(" value { "," value } ")"
///             | key ( "&lt;" | "&lt;=" | ">" | ">=" ) number
/// key         = 1 to 63 of A-Z a-z 0-9 . _ / -
/// value       = 1 to 128 of the same, or up to 128 of anything but control characters in double quotes (`\"` and `\\` inside)
/// </code>
/// Words mean something by their place only, so a label may be called "in". Two texts that ask the same have one canonical text.
/// </summary>
public sealed class LabelExpression : IEquatable<LabelExpression>
{
    public const int MaxLength = 1024, MaxRequirements = 32;

    /// <summary>Asks nothing: every node matches.</summary>
    public static readonly LabelExpression None = new([]);

    /// <summary>Stands for a stored text that cannot be parsed: it asks for a label that nobody can have, and says why.</summary>
    public static readonly LabelExpression Unreadable = new([LabelRequirement.Has("(labels that this hub cannot read)")]);

    private readonly LabelRequirement[] _requirements;
    private readonly string _text;

    private LabelExpression(IEnumerable<LabelRequirement> requirements)
    {
        _requirements = [.. requirements.DistinctBy(r => r.ToString(), StringComparer.Ordinal).OrderBy(r => r.ToString(), StringComparer.Ordinal)];
        _text = string.Join(", ", _requirements.Select(r => r.ToString()));
    }

    public IReadOnlyList<LabelRequirement> Requirements => _requirements;

    /// <summary>Throws <see cref="FormatException"/> with a sentence that says where it is wrong and how to put it right.</summary>
    public static LabelExpression Parse(string text) =>
        TryParse(text, out var expression, out var problem) ? expression : throw new FormatException(problem);

    /// <summary>False with a sentence that says where it is wrong and how to put it right.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out LabelExpression? expression, out string problem)
    {
        (expression, problem) = (null, TooLong(text));
        if (problem.Length > 0) return false;
        var parser = new LabelParser(text);
        if (!parser.TryRead(out var requirements))
        {
            problem = parser.Problem;
            return false;
        }

        var read = Of(requirements);
        problem = read.Oversize();
        if (problem.Length > 0) return false;
        expression = read;
        return true;
    }

    public static LabelExpression Of(params IEnumerable<LabelRequirement> requirements) => new(requirements);

    /// <summary>Why it is too large to be written and read again; empty: it is not. What was put together by <see cref="Of"/> has to be asked.</summary>
    public string Oversize() => _requirements.Length > MaxRequirements
        ? $"It has {_requirements.Length} requirements: up to {MaxRequirements}."
        : TooLong(_text);

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in _requirements)
        {
            if (!requirement.Matches(labels)) return false;
        }

        return true;
    }

    /// <summary>One sentence for each requirement that these labels do not meet.</summary>
    public IReadOnlyList<string> Lacks(IReadOnlyDictionary<string, string> labels) => [.. _requirements.Select(r => r.Lack(labels)).OfType<string>()];

    /// <summary>The canonical text: sorted, each requirement once, quotes where they are needed.</summary>
    public override string ToString() => _text;

    public bool Equals(LabelExpression? other) => other is not null && _text == other._text;

    public override bool Equals(object? obj) => Equals(obj as LabelExpression);

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    private static string TooLong(string text) => text.Length > MaxLength
        ? $"It has {text.Length} characters, written with a space after each comma and sign: up to {MaxLength}."
        : "";
}
