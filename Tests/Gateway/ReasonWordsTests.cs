using System.Text.RegularExpressions;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Gateway;

/// <summary>Every reason word that can reach the wire stands in docs/errors.md.</summary>
public sealed partial class ReasonWordsTests
{
    private static readonly string[] Projects = ["GrainInterfaces", "Grains", "GrpcGateway", "Silo"];

    /// <summary>Upper-case words of the code that are no reasons: the environment's names, gRPC's codes, answers to nobody outside.</summary>
    [GeneratedRegex("^(OTEL|XDG|REDIS|DATABASE|DB|TASK_STORAGE|HIVEMIND)_|^(DATA_LOSS|DEADLINE_EXCEEDED|FAILED_PRECONDITION|INVALID_ARGUMENT|OUT_OF_RANGE|PERMISSION_DENIED|RESOURCE_EXHAUSTED|ALREADY_EXISTS)$")]
    private static partial Regex NoReason();

    [GeneratedRegex("\"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\"")]
    private static partial Regex Word();

    [GeneratedRegex("^\\| (`[A-Z][A-Z0-9_]+`(?:, `[A-Z][A-Z0-9_]+`)*) \\|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [Fact]
    public void Words_OfTheCode_StandOnThePageOnce()
    {
        var code = Projects.SelectMany(project => Directory.EnumerateFiles(Path.Combine(Repository.Root, project), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => Word().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))
            .Where(word => !NoReason().IsMatch(word))
            .Concat(Constants(typeof(Causes))).Concat(Constants(typeof(WaitReasons))).Append(HiveMindException.Unauthenticated().Reason).ToHashSet();
        var page = Row().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "errors.md")))
            .SelectMany(match => match.Groups[1].Value.Split(", ")).Select(word => word.Trim('`')).ToList();

        Assert.NotEmpty(code);
        Assert.True(code.IsSubsetOf(page), $"not in docs/errors.md: {string.Join(", ", code.Except(page).Order())}");
        Assert.Equal(page.Count, page.Distinct().Count());
    }

    private static IEnumerable<string> Constants(Type words) => words.GetFields().Where(field => field.IsLiteral).Select(field => (string)field.GetRawConstantValue()!);
}
