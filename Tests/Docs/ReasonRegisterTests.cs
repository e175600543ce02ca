using System.Reflection;
using System.Text.RegularExpressions;
using HiveMind.Cli;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Docs;

/// <summary>docs/errors.md is the register of the reason words: none is missing, none is left over, and each has the code that it is said with.</summary>
public sealed partial class ReasonRegisterTests
{
    private const string Calls = "Failures of calls", CommandLine = "Failures that the command line finds itself", Waits = "Why a task waits", Ends = "How an attempt or a task ended";

    private static readonly Lazy<ReasonWords> Source = new(() => new ReasonWords(ProductSource.Roots));
    private static readonly Lazy<ILookup<string, Row>> Page = new(() => Read(File.ReadAllText(Path.Combine(Repository.Root, "docs", "errors.md"))).ToLookup(row => row.Section));

    /// <summary>
    /// Upper-case words of the code that are no reasons: names in the environment and for programs; what one grain answers another and nobody outside reads; a run's end in a trace;
    /// gRPC's codes, which what is written as a reason is never taken for.
    /// </summary>
    [GeneratedRegex("^(OTEL|XDG|REDIS|DATABASE|DB|TASK_STORAGE|HIVEMIND|GRPC|DOTNET|CUDA|MALLOC|PYTHON|MAX_WORKERS|UV_THREADPOOL_SIZE|LOKY_MAX_CPU_COUNT)(_|$)|_(THREADS|PROXY)$|^(MISSING|NO_CREDIT|ACCOUNT_INACTIVE|DROPPED)$" +
        "|^(DATA_LOSS|FAILED_PRECONDITION|INVALID_ARGUMENT|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED|ALREADY_EXISTS)$")]
    private static partial Regex NoReason();

    private static IEnumerable<string> Words => Source.Value.All.Keys.Where(word => !NoReason().IsMatch(word))
        .Concat(Constants(typeof(Causes))).Concat(Constants(typeof(WaitReasons))).Distinct();

    [Fact]
    public void Words_OfTheCode_StandOnThePage()
    {
        var missing = Words.Except(All().Select(row => row.Word)).Order(StringComparer.Ordinal).ToList();

        Assert.True(missing.Count == 0, $"not in docs/errors.md: {string.Join(", ", missing)}");
    }

    [Fact]
    public void Words_OfThePage_StandInTheCode()
    {
        var stale = All().Select(row => row.Word).Except(Words).Order(StringComparer.Ordinal).ToList();

        Assert.True(stale.Count == 0, $"in docs/errors.md and in no code: {string.Join(", ", stale)}");
    }

    [Theory]
    [InlineData(Calls)]
    [InlineData(CommandLine)]
    [InlineData(Waits)]
    [InlineData(Ends)]
    public void Rows_OfASection_AreInOrderEachOnceAndFull(string section)
    {
        var rows = Page.Value[section].ToList();

        Assert.NotEmpty(rows);
        Assert.Equal(rows.Select(row => row.Word).Distinct().Order(StringComparer.Ordinal), rows.Select(row => row.Word));
        Assert.All(rows, row => Assert.All(row.Cells, cell => Assert.NotEqual("", cell)));
        Assert.All(rows, row => Assert.Equal(section is Calls or CommandLine ? 3 : 2, row.Cells.Length));
    }

    [Fact]
    public void Words_OfWaitsAndEnds_StandInTheirSections()
    {
        Assert.Empty(Constants(typeof(WaitReasons)).Except(Page.Value[Waits].Select(row => row.Word)));
        Assert.Empty(Constants(typeof(Causes)).Except(Page.Value[Ends].Select(row => row.Word)));
    }

    [Fact]
    public void Codes_OfThePage_AreTheOnesOfTheCode()
    {
        var wrong = Page.Value[Calls].Concat(Page.Value[CommandLine])
            .Select(row => (row.Word, Page: row.Codes, Code: CodesOf(row)))
            .Where(row => row.Code.Count > 0 ? !row.Code.SetEquals(row.Page) : !row.Page.All(IsCode))
            .Select(row => $"{row.Word}: the page says {string.Join(", ", row.Page)}, the code {string.Join(", ", row.Code)}").ToList();

        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>So that the test above compares something: whose code is said far from the word is the exception.</summary>
    [Fact]
    public void Codes_OfNearlyAllWords_AreFoundInTheCode()
    {
        var calls = Page.Value[Calls].ToList();

        Assert.True(calls.Count(row => CodesOf(row).Count > 0) > calls.Count * 9 / 10, $"without: {string.Join(", ", calls.Where(row => CodesOf(row).Count == 0).Select(row => row.Word))}");
    }

    [Theory]
    [InlineData("class A { object B() => HiveMindException.Denied(\"GONE\", \"It is.\"); class HiveMindException { static object Denied(string reason, string text) => new(FailureKind.PermissionDenied, reason, text); } }", "GONE", "FailureKind.PermissionDenied")]
    [InlineData("class A { const string Left = \"LEFT\"; object B(bool c) => new Failure(StatusCode.Aborted, c ? Left : \"OTHER\"); record Failure(StatusCode Code, string Reason); }", "LEFT", "StatusCode.Aborted")]
    [InlineData("class A() : Slots(1, \"TOO_MANY\") { } class Slots(int most, string reason) { object Full() => Exhausted(reason, most); object Exhausted(string reason, int n) => Say(FailureKind.ResourceExhausted, reason); }", "TOO_MANY", "FailureKind.ResourceExhausted")]
    [InlineData("class A { object B() => new Answer { Reason = \"BAD\" }; }", "BAD", "")]
    [InlineData("class A { void Fail(string text, string reason = \"USAGE\") { } }", "USAGE", "")]
    [InlineData("class A { string B() => \"NOT_KNOWN_YET\"; }", "NOT_KNOWN_YET", "")]
    public void Words_InEveryFormOfCode_AreFound(string code, string word, string said)
    {
        var words = new ReasonWords([Microsoft.CodeAnalysis.CSharp.CSharpSyntaxTree.ParseText(code).GetRoot()]);

        Assert.Equal(said, string.Join(' ', words.All[word]));
    }

    private static IEnumerable<Row> All() => Page.Value.SelectMany(section => section);

    /// <summary>What the code says: gRPC's for calls, exit codes for the command line.</summary>
    private static HashSet<string> CodesOf(Row row) => Source.Value.All.TryGetValue(row.Word, out var found)
        ? [.. found.Select(code => code.Split('.')).Where(code => IsExit(code[0]) == (row.Section == CommandLine)).Select(code => IsExit(code[0]) ? Exit(code[0], code[1]) : Upper(code[1]))]
        : [];

    private static bool IsExit(string type) => type is "ExitCodes" or "SiloHost";

    private static string Exit(string type, string name) =>
        (type == "SiloHost" ? typeof(SiloHost) : typeof(ExitCodes)).GetField(name, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)!.GetRawConstantValue()!.ToString()!;

    private static string Upper(string name) => LowerThenUpper().Replace(name, "_").ToUpperInvariant();

    private static bool IsCode(string code) => code == "–" || Enum.GetNames<Grpc.Core.StatusCode>().Any(name => Upper(name) == code);

    private static IEnumerable<string> Constants(Type words) => words.GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);

    private static IEnumerable<Row> Read(string page)
    {
        var section = "";
        foreach (var line in page.Split('\n'))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal)) section = line[3..].Trim();
            else if (Line().Match(line) is { Success: true } row) yield return new(section, row.Groups[1].Value, [.. row.Groups[2].Value.Split(" | ").Select(cell => cell.Trim())]);
        }
    }

    private sealed record Row(string Section, string Word, string[] Cells)
    {
        public HashSet<string> Codes => [.. Cells[0].Split(", ").Select(code => code.Trim('`'))];
    }

    [GeneratedRegex(@"^\| `([A-Z][A-Z0-9_]*)` \| (.*) \|\s*$")]
    private static partial Regex Line();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex LowerThenUpper();
}
