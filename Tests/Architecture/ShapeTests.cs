using System.Reflection;
using System.Text.RegularExpressions;
using HiveMind.Tests.Processes;

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

    private static string[] PublicTypes(string path) => [.. PublicType().Matches(File.ReadAllText(path)).Select(type => type.Groups[1].Value)];

    [GeneratedRegex(@"[/\\](obj|bin)[/\\]")]
    private static partial Regex IsBuilt();

    [GeneratedRegex(@"^public (?:(?:sealed|static|abstract|readonly|partial|ref) )*(?:record struct|record|class|interface|enum|struct|delegate \S+) (\w+)", RegexOptions.Multiline)]
    private static partial Regex PublicType();
}
