using System.Text;

namespace HiveMind.Scheduling;

/// <summary>Reads a <see cref="LabelExpression"/>, left to right, one character ahead. Positions in problems count from 1.</summary>
internal sealed class LabelParser(string text)
{
    private const string Operators = "=, !=, in (…), not in (…), <, <=, > or >=";
    private int _at;

    /// <summary>Where it is wrong and how to put it right, when reading failed.</summary>
    public string Problem { get; private set; } = "";

    public bool TryRead(out List<LabelRequirement> requirements)
    {
        requirements = [];
        SkipSpace();
        if (AtEnd) return true;
        while (true)
        {
            if (Requirement() is not { } one) return false;
            requirements.Add(one);
            SkipSpace();
            if (AtEnd) return true;
            if (!Separator()) return false;
        }
    }

    private bool AtEnd => _at == text.Length;

    private LabelRequirement? Requirement()
    {
        SkipSpace();
        var not = Take("!");
        if (Key() is not { } key) return null;
        if (not) return LabelRequirement.HasNot(key);
        SkipSpace();
        if (Take("==") || Take("=")) return Value() is { } equal ? LabelRequirement.OneOf(key, equal) : null;
        if (Take("!=")) return Value() is { } unequal ? LabelRequirement.NoneOf(key, unequal) : null;
        if (Take(">=")) return Compared(key, LabelOperator.AtLeast);
        if (Take("<=")) return Compared(key, LabelOperator.AtMost);
        if (Take(">")) return Compared(key, LabelOperator.Above);
        if (Take("<")) return Compared(key, LabelOperator.Below);
        if (TakeWord("in")) return Values() is { } any ? LabelRequirement.OneOf(key, any) : null;
        if (TakeWord("notin")) return Values() is { } none ? LabelRequirement.NoneOf(key, none) : null;
        return TakeWord("not") ? NotIn(key) : LabelRequirement.Has(key);
    }

    private LabelRequirement? NotIn(string key)
    {
        SkipSpace();
        if (!TakeWord("in")) return Fail<LabelRequirement>(_at, $"after \"{key} not\" comes in (…); that a label is absent is written !{key}");
        return Values() is { } none ? LabelRequirement.NoneOf(key, none) : null;
    }

    private bool Separator()
    {
        if (Take(",") || Take("&&") || TakeWord("and")) return true;
        return Fail(_at, PeekWord() == "or" || Seen() == "|"
            ? "there is no \"or\": write key in (a, b) for values of one label"
            : $"after a requirement comes a comma or and, after a key {Operators}; here is {Seen()}");
    }

    private string? Key()
    {
        SkipSpace();
        var (from, word) = (_at, PeekWord());
        if (word.Length == 0)
        {
            return Fail<string>(from, AtEnd
                ? "a requirement is missing at the end, like zone = a"
                : $"a label's name comes here: letters, digits, and . _ / - without quotes; here is {Seen()}");
        }

        if (word.Length > LabelText.MaxKey) return Fail<string>(from, $"a label's name has up to {LabelText.MaxKey} characters; this one has {word.Length}");
        _at += word.Length;
        return word;
    }

    private string? Value()
    {
        SkipSpace();
        var from = _at;
        var value = Take("\"") ? Quoted(from) : Bare();
        if (value is { Length: > LabelText.MaxCompared }) return Fail<string>(from, $"a value has up to {LabelText.MaxCompared} characters; this one has {value.Length}");
        return value;
    }

    private string? Bare()
    {
        var word = PeekWord();
        if (word.Length == 0)
        {
            return Fail<string>(_at, AtEnd
                ? "a value is missing at the end"
                : $"a value comes here, in double quotes if it has more than letters, digits, and . _ / -; here is {Seen()}");
        }

        _at += word.Length;
        return word;
    }

    private string? Quoted(int from)
    {
        var value = new StringBuilder();
        while (!AtEnd)
        {
            var c = text[_at++];
            if (c == '"') return value.ToString();
            if (char.IsControl(c)) return Fail<string>(_at - 1, "control characters are not allowed in a value");
            if (c == '\\')
            {
                if (AtEnd || text[_at] is not ('"' or '\\')) return Fail<string>(_at - 1, "in quotes a backslash stands before \" or \\ only; write \\\\ for one backslash");
                c = text[_at++];
            }

            value.Append(c);
        }

        return Fail<string>(from, "this quote is not closed: put \" at the end of the value");
    }

    private List<string>? Values()
    {
        SkipSpace();
        var from = _at;
        if (!Take("(")) return Fail<List<string>>(_at, "after in comes a list in parentheses, like (a, b)");
        List<string> values = [];
        while (true)
        {
            if (Value() is not { } value) return null;
            values.Add(value);
            SkipSpace();
            if (Take(")")) return values;
            if (AtEnd) return Fail<List<string>>(from, "this list is not closed: put ) after its last value");
            if (!Take(",")) return Fail<List<string>>(_at, $"values of a list are separated by commas; here is {Seen()}");
        }
    }

    private LabelRequirement? Compared(string key, LabelOperator asked)
    {
        SkipSpace();
        var from = _at;
        if (Value() is not { } value) return null;
        return LabelText.TryNumber(value, out var bound)
            ? LabelRequirement.Compared(key, asked, bound)
            : Fail<LabelRequirement>(from, $"<, <=, > and >= compare with a number like 3 or 1.5, not with {LabelText.Quoted(value)}");
    }

    private void SkipSpace()
    {
        while (!AtEnd && char.IsWhiteSpace(text[_at])) _at++;
    }

    private bool Take(string sign)
    {
        if (string.CompareOrdinal(text, _at, sign, 0, sign.Length) != 0) return false;
        _at += sign.Length;
        return true;
    }

    private bool TakeWord(string word) => string.Equals(PeekWord(), word, StringComparison.OrdinalIgnoreCase) && Take(text.Substring(_at, word.Length));

    private string PeekWord()
    {
        var end = _at;
        while (end < text.Length && LabelText.IsBare(text[end])) end++;
        return text[_at..end];
    }

    /// <summary>For a message: the next word, sign, or nothing.</summary>
    private string Seen() => AtEnd ? "nothing"
        : PeekWord() is { Length: > 0 } word ? LabelText.Quoted(word)
        : char.IsControl(text[_at]) || char.IsSurrogate(text[_at]) ? "a character that cannot be shown"
        : text[_at] == '\'' ? "a single quote: use \"" : text[_at].ToString();

    private bool Fail(int position, string fix)
    {
        Problem = $"At character {position + 1}: {fix}.";
        return false;
    }

    private T? Fail<T>(int position, string fix) where T : class
    {
        Fail(position, fix);
        return null;
    }
}
