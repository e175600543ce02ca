using System.Reflection;
using System.Text.RegularExpressions;
using HiveMind.Protos;
using HiveMind.Tasks;
using HiveMind.Tests.Processes;
using HiveMind.Workers.Runs;

namespace HiveMind.Tests.Architecture;

/// <summary>How the code is laid out where a reader looks first.</summary>
public sealed partial class ShapeTests
{
    private const int MostDependencies = 8;

    /// <summary>What needs more does more than one thing: part it by what a user does.</summary>
    [Fact]
    public void Gateway_EndpointsAndHandlers_HaveFewDependencies()
    {
        var types = Assembly.Load("HiveMind.GrpcGateway").GetTypes()
            .Where(type => type.Name.EndsWith("Endpoint", StringComparison.Ordinal) || type.Name.EndsWith("Handler", StringComparison.Ordinal)).ToList();

        Assert.True(types.Count >= 15, $"Only {types.Count} found.");
        Assert.DoesNotContain(types, type => type.GetConstructors().Any(made => made.GetParameters().Length > MostDependencies));
    }

    [Fact]
    public void Contracts_EachFile_HasNoPublicTypeButThatOfItsName()
    {
        var files = Directory.EnumerateFiles(Path.Combine(Repository.Root, "GrainInterfaces"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !IsBuilt().IsMatch(path)).ToList();

        Assert.True(files.Count > 150, $"Only {files.Count} found.");
        Assert.All(files, path => Assert.True(PublicTypes(path).All(type => type == Path.GetFileNameWithoutExtension(path)), $"{path}: {string.Join(", ", PublicTypes(path))}"));
    }

    /// <summary>The numbers are the enum's: they are told to SQL, not written in it.</summary>
    [Fact]
    public void Sql_TaskStates_AreNamed()
    {
        var queries = Directory.EnumerateFiles(Path.Combine(Repository.Root, "Silo", "Storage"), "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path: path, Text: File.ReadAllText(path))).ToList();

        Assert.Contains(queries, file => file.Text.Contains("state = {(int)TaskState.Completed}", StringComparison.Ordinal));
        Assert.DoesNotContain(queries, file => StateNumber().IsMatch(file.Text));
    }

    [Theory]
    [InlineData("WHERE state = 4")]
    [InlineData("h.state<>5")]
    [InlineData("STATE IN (4, 5)")]
    [InlineData("state not in (7)")]
    [InlineData("state BETWEEN 4 AND 7")]
    [InlineData("CASE state WHEN 4 THEN 1 END")]
    public void StateNumber_HoweverItIsWritten_IsSeen(string sql) => Assert.Matches(StateNumber(), sql);

    /// <summary>A worker knows the wire and no contracts, so the number stands on both sides of it.</summary>
    [Fact]
    public void DefaultOutput_OnBothSidesOfTheWire_IsTheSame()
    {
        Assert.Equal(TaskSpec.DefaultMaxOutputMb, ProtocolLimits.DefaultMaxOutputMb);
        Assert.Equal(TaskSpec.DefaultMaxOutputMb * 1024L * 1024, RunRequest.DefaultMaxOutputBytes);
    }

    private static string[] PublicTypes(string path) => [.. PublicType().Matches(File.ReadAllText(path)).Select(type => type.Groups[1].Value)];

    [GeneratedRegex(@"\bstate\s*(=|<>|!=|<|>|\b(NOT\s+)?IN\b|\bBETWEEN\b|\bWHEN\b)\s*\(?\s*\d", RegexOptions.IgnoreCase)]
    private static partial Regex StateNumber();

    [GeneratedRegex(@"[/\\](obj|bin)[/\\]")]
    private static partial Regex IsBuilt();

    [GeneratedRegex(@"^public (?:(?:sealed|static|abstract|readonly|partial|ref) )*(?:record struct|record|class|interface|enum|struct|delegate \S+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();
}
