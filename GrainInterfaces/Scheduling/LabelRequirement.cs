namespace HiveMind.Scheduling;

/// <summary>One requirement of a <see cref="LabelExpression"/>.</summary>
public sealed class LabelRequirement
{
    private readonly decimal _bound;
    private readonly string _text;

    private LabelRequirement(string key, LabelOperator asked, string[] values, decimal bound = 0)
    {
        (Key, Operator, Values, _bound) = (key, asked, values, bound);
        _text = Write();
    }

    public string Key { get; }
    public LabelOperator Operator { get; }
    /// <summary>Sorted, each once; of a comparison the number; empty where only presence is asked.</summary>
    public IReadOnlyList<string> Values { get; }

    public static LabelRequirement Has(string key) => new(key, LabelOperator.Exists, []);

    public static LabelRequirement HasNot(string key) => new(key, LabelOperator.Missing, []);

    public static LabelRequirement OneOf(string key, params IEnumerable<string> values) => new(key, LabelOperator.In, Sorted(values));

    public static LabelRequirement NoneOf(string key, params IEnumerable<string> values) => new(key, LabelOperator.NotIn, Sorted(values));

    /// <summary>One of the four comparisons of numbers.</summary>
    public static LabelRequirement Compared(string key, LabelOperator asked, decimal bound) => new(key, asked, [LabelText.Written(bound)], bound);

    /// <summary>A label that is absent is not equal to anything, as in Kubernetes; one that is no number is neither above nor below one.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        var value = labels.GetValueOrDefault(Key);
        return Operator switch
        {
            LabelOperator.Exists => value is not null,
            LabelOperator.Missing => value is null,
            LabelOperator.In => value is not null && Values.Contains(value),
            LabelOperator.NotIn => value is null || !Values.Contains(value),
            _ => value is not null && LabelText.TryNumber(value, out var number) && Compares(number),
        };
    }

    /// <summary>Why these labels do not meet it, as a sentence; null: they do.</summary>
    public string? Lack(IReadOnlyDictionary<string, string> labels)
    {
        if (Matches(labels)) return null;
        if (!labels.TryGetValue(Key, out var value)) return $"needs {_text}, the node has no label {Key}";
        var noNumber = Operator >= LabelOperator.Above && !LabelText.TryNumber(value, out _) ? ", which is no number" : "";
        return $"needs {_text}, the node says {Key} = {LabelText.Quoted(value)}{noNumber}";
    }

    public override string ToString() => _text;

    private bool Compares(decimal number) => Operator switch
    {
        LabelOperator.Above => number > _bound,
        LabelOperator.AtLeast => number >= _bound,
        LabelOperator.Below => number < _bound,
        _ => number <= _bound,
    };

    private string Write() => Operator switch
    {
        LabelOperator.Exists => Key,
        LabelOperator.Missing => $"!{Key}",
        LabelOperator.In when Values.Count == 1 => $"{Key} = {LabelText.Written(Values[0])}",
        LabelOperator.NotIn when Values.Count == 1 => $"{Key} != {LabelText.Written(Values[0])}",
        LabelOperator.In => $"{Key} in ({List()})",
        LabelOperator.NotIn => $"{Key} not in ({List()})",
        LabelOperator.Above => $"{Key} > {Values[0]}",
        LabelOperator.AtLeast => $"{Key} >= {Values[0]}",
        LabelOperator.Below => $"{Key} < {Values[0]}",
        _ => $"{Key} <= {Values[0]}",
    };

    private string List() => string.Join(", ", Values.Select(LabelText.Written));

    private static string[] Sorted(IEnumerable<string> values) => [.. values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
}
