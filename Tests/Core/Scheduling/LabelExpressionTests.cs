using CsCheck;
using HiveMind.Scheduling;

namespace HiveMind.Tests.Scheduling;

/// <summary>The language of `labels`: what it says, what matches, and what is told to who writes it wrong.</summary>
public sealed class LabelExpressionTests
{
    private static readonly Dictionary<string, string> Node = new()
    {
        ["zone"] = "a", ["tier"] = "fast", ["gpu.model"] = "NVIDIA A100-SXM4-80GB", ["gpu.memory_mb"] = "81920", ["rack"] = "12", ["empty"] = "",
        ["version"] = "1.2.3",
    };

    [Theory]
    [InlineData("", "")]
    [InlineData("  \t ", "")]
    [InlineData("zone=a", "zone = a")]
    [InlineData("zone == \"a\"", "zone = a")]
    [InlineData("zone in (a)", "zone = a")]
    [InlineData("zone notin(a)", "zone != a")]
    [InlineData("zone IN ( b ,a, b )", "zone in (a, b)")]
    [InlineData("zone not in (b,a)", "zone not in (a, b)")]
    [InlineData("zone=b,tier=fast and ! spot&&gpu.count>=2", "!spot, gpu.count >= 2, tier = fast, zone = b")]
    [InlineData("zone, zone, zone = a", "zone, zone = a")]
    [InlineData("a > 01.50", "a > 1.5")]
    [InlineData("a<=-0.0", "a <= 0")]
    [InlineData("a < \"100\"", "a < 100")]
    [InlineData("model = \"NVIDIA A100\"", "model = \"NVIDIA A100\"")]
    [InlineData("""model != "5\" \\ x" """, """model != "5\" \\ x" """)]
    [InlineData("x = \"\"", "x = \"\"")]
    [InlineData("in in (in) and and AND not not in (not, in)", "and, in = in, not not in (in, not)")]
    [InlineData("example.org/kind_x-1 = v1.2", "example.org/kind_x-1 = v1.2")]
    public void Parse_WhatIsWrittenInManyWays_HasOneText(string text, string canonical) => Assert.Equal(canonical.Trim(), LabelExpression.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("zone = a")]
    [InlineData("zone in (b, a)")]
    [InlineData("zone != b")]
    [InlineData("spot != yes")]
    [InlineData("spot not in (yes, no)")]
    [InlineData("zone, !spot")]
    [InlineData("empty, empty = \"\"")]
    [InlineData("rack > 11, rack >= 12, rack < 12.5, rack <= 12")]
    [InlineData("gpu.model = \"NVIDIA A100-SXM4-80GB\" and gpu.memory_mb >= 40000")]
    public void Matches_WhatTheNodeSays_IsTrueAndLacksNothing(string text)
    {
        var expression = LabelExpression.Parse(text);
        Assert.True(expression.Matches(Node));
        Assert.Empty(expression.Lacks(Node));
    }

    [Theory]
    [InlineData("zone = A", "needs zone = A, the node says zone = \"a\"")]
    [InlineData("zone in (b, c)", "needs zone in (b, c), the node says zone = \"a\"")]
    [InlineData("zone != a", "needs zone != a, the node says zone = \"a\"")]
    [InlineData("zone not in (a, b)", "needs zone not in (a, b), the node says zone = \"a\"")]
    [InlineData("!zone", "needs !zone, the node says zone = \"a\"")]
    [InlineData("spot", "needs spot, the node has no label spot")]
    [InlineData("spot = yes", "needs spot = yes, the node has no label spot")]
    [InlineData("spot >= 1", "needs spot >= 1, the node has no label spot")]
    [InlineData("rack > 12", "needs rack > 12, the node says rack = \"12\"")]
    [InlineData("rack < 12", "needs rack < 12, the node says rack = \"12\"")]
    [InlineData("zone > 1", "needs zone > 1, the node says zone = \"a\", which is no number")]
    [InlineData("zone <= 1", "needs zone <= 1, the node says zone = \"a\", which is no number")]
    [InlineData("version < 2", "needs version < 2, the node says version = \"1.2.3\", which is no number")]
    [InlineData("empty > 0", "needs empty > 0, the node says empty = \"\", which is no number")]
    [InlineData("gpu.model = H200", "needs gpu.model = H200, the node says gpu.model = \"NVIDIA A100-SXM4-80GB\"")]
    public void Lacks_WhatTheNodeDoesNotSay_IsASentence(string text, string sentence)
    {
        var expression = LabelExpression.Parse(text);
        Assert.False(expression.Matches(Node));
        Assert.Equal([sentence], expression.Lacks(Node));
    }

    [Fact]
    public void Lacks_SeveralRequirements_NamesEachThatIsNotMet() => Assert.Equal(
        ["needs spot, the node has no label spot", "needs tier = slow, the node says tier = \"fast\""],
        LabelExpression.Parse("zone = a, tier = slow, spot").Lacks(Node));

    [Theory]
    [InlineData(",", "At character 1: a label's name comes here: letters, digits, and . _ / - without quotes; here is ,.")]
    [InlineData("\"zone\" = a", "At character 1: a label's name comes here: letters, digits, and . _ / - without quotes; here is \".")]
    [InlineData("zone = a,", "At character 10: a requirement is missing at the end, like zone = a.")]
    [InlineData("zone = a and", "At character 13: a requirement is missing at the end, like zone = a.")]
    [InlineData("!", "At character 2: a requirement is missing at the end, like zone = a.")]
    [InlineData("zone =", "At character 7: a value is missing at the end.")]
    [InlineData("zone = 'a'", "At character 8: a value comes here, in double quotes if it has more than letters, digits, and . _ / -; here is a single quote: use \".")]
    [InlineData("zone a", "At character 6: after a requirement comes a comma or and, after a key =, !=, in (…), not in (…), <, <=, > or >=; here is \"a\".")]
    [InlineData("zone ! a", "At character 6: after a requirement comes a comma or and, after a key =, !=, in (…), not in (…), <, <=, > or >=; here is !.")]
    [InlineData("zone = a or zone = b", "At character 10: there is no \"or\": write key in (a, b) for values of one label.")]
    [InlineData("zone = a || zone = b", "At character 10: there is no \"or\": write key in (a, b) for values of one label.")]
    [InlineData("zone not a", "At character 10: after \"zone not\" comes in (…); that a label is absent is written !zone.")]
    [InlineData("zone in a", "At character 9: after in comes a list in parentheses, like (a, b).")]
    [InlineData("zone in ()", "At character 10: a value comes here, in double quotes if it has more than letters, digits, and . _ / -; here is ).")]
    [InlineData("zone in (a b)", "At character 12: values of a list are separated by commas; here is \"b\".")]
    [InlineData("zone in (a, b", "At character 9: this list is not closed: put ) after its last value.")]
    [InlineData("zone = \"a", "At character 8: this quote is not closed: put \" at the end of the value.")]
    [InlineData("zone = \"a\\n\"", "At character 10: in quotes a backslash stands before \" or \\ only; write \\\\ for one backslash.")]
    [InlineData("zone = \"\u0007\"", "At character 9: control characters are not allowed in a value.")]
    [InlineData("rack > many", "At character 8: <, <=, > and >= compare with a number like 3 or 1.5, not with \"many\".")]
    [InlineData("rack > 1e3", "At character 8: <, <=, > and >= compare with a number like 3 or 1.5, not with \"1e3\".")]
    [InlineData("zone = é", "At character 8: a value comes here, in double quotes if it has more than letters, digits, and . _ / -; here is é.")]
    public void TryParse_BadText_SaysWhereAndHow(string text, string problem)
    {
        Assert.False(LabelExpression.TryParse(text, out var nothing, out var said));
        Assert.Null(nothing);
        Assert.Equal(problem, said);
        Assert.Equal(problem, Assert.Throws<FormatException>(() => LabelExpression.Parse(text)).Message);
    }

    [Fact]
    public void TryParse_TooMuch_SaysTheLimit()
    {
        Assert.Equal("It has 1025 characters, written with a space after each comma and sign: up to 1024.", Problem(new string('a', 1025)));
        Assert.Equal("At character 1: a label's name has up to 63 characters; this one has 64.", Problem(new string('a', 64)));
        Assert.Equal("At character 5: a value has up to 128 characters; this one has 129.", Problem($"a = {new string('b', 129)}"));
        Assert.Equal("It has 33 requirements: up to 32.", Problem(string.Join(',', Enumerable.Range(0, 33).Select(i => $"k{i}"))));
        Assert.Equal(32, LabelExpression.Parse(string.Join(',', Enumerable.Range(0, 32).Select(i => $"k{i}"))).Requirements.Count);
    }

    [Fact]
    public void TryParse_FitsOnlyWithoutSpaces_IsRefusedForWhatItIsStoredAs()
    {
        var dense = $"a in({string.Join(',', Enumerable.Range(0, 250).Select(i => $"{i:000}"))})"; // 1,005 characters, 1,255 as it is stored
        Assert.Equal("It has 1255 characters, written with a space after each comma and sign: up to 1024.", Problem(dense));
    }

    [Fact]
    public void Parse_ItsOwnText_IsTheSameExpression() =>
        Gen.Select(Expressions, Nodes).Sample((expression, node) =>
        {
            var again = LabelExpression.Parse(expression.ToString());
            return again.Equals(expression) && again.GetHashCode() == expression.GetHashCode() && again.ToString() == expression.ToString()
                && again.Matches(node) == expression.Matches(node) && again.Matches(node) == (again.Lacks(node).Count == 0);
        }, iter: 5_000);

    [Fact]
    public void TryParse_AnyText_AnswersAndItsTextReadsAgain() => Texts.Sample(text =>
        LabelExpression.TryParse(text, out var read, out var problem)
            ? LabelExpression.Parse(read.ToString()).Equals(read) && problem.Length == 0
            : problem.StartsWith("At character ", StringComparison.Ordinal) || problem.StartsWith("It has ", StringComparison.Ordinal), iter: 10_000);

    private static readonly Gen<string> Keys = Gen.OneOfConst("zone", "tier", "in", "and", "not", "notin", "gpu.model", "a/b-c_d", "7");
    private static readonly Gen<string> Values = Gen.OneOf(
        Gen.OneOfConst("a", "b", "in", "", "5", "1.50", "-2", "é ü", "\"", "\\", "a\"b\\", " ", "x, y)", "or"),
        Gen.String[Gen.Char[' ', '~'], 0, 12]);
    private static readonly Gen<decimal> Bounds = Gen.OneOf(Gen.Decimal, Gen.Int[-9, 9].Select(i => i / 2.0m), Gen.OneOfConst(0m, -0.0m, 1.10m));
    private static readonly Gen<LabelRequirement> OneRequirement = Gen.OneOf(
        Keys.Select(LabelRequirement.Has),
        Keys.Select(LabelRequirement.HasNot),
        Gen.Select(Keys, Values.Array[1, 4], (key, values) => LabelRequirement.OneOf(key, values)),
        Gen.Select(Keys, Values.Array[1, 4], (key, values) => LabelRequirement.NoneOf(key, values)),
        Gen.Select(Keys, Gen.Enum<LabelOperator>().Where(o => o >= LabelOperator.Above), Bounds, LabelRequirement.Compared));
    private static readonly Gen<LabelExpression> Expressions = OneRequirement.Array[0, 8].Select(all => LabelExpression.Of(all));
    private static readonly Gen<Dictionary<string, string>> Nodes =
        Gen.Select(Keys, Values).Array[0, 6].Select(all => all.DistinctBy(l => l.Item1).ToDictionary(l => l.Item1, l => l.Item2));
    private static readonly Gen<string> Texts =
        Gen.OneOfConst("zone", "in", "not", "and", "or", "(", ")", ",", "=", "!", "!=", ">", "<=", "\"", "\\", " ", "\t", "&&", "5", "x").Array[0, 14].Select(string.Concat);

    private static string Problem(string text)
    {
        Assert.False(LabelExpression.TryParse(text, out _, out var problem));
        return problem;
    }
}
