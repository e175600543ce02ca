using System.Collections;
using System.Reflection;
using System.Text.RegularExpressions;
using HiveMind.Configuration;
using HiveMind.Faults;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Architecture;

/// <summary>What the docs list is what the code has.</summary>
public sealed partial class DocumentationTests
{
    [Fact]
    public void Configuration_Settings_AreTheOptions()
    {
        var listed = SettingRow().Matches(Read("docs/configuration.md")).Select(row => row.Groups[1].Value);

        Assert.Equal(Settings(typeof(PoolOptions), "").Order(), listed.Order());
    }

    [Fact]
    public void Architecture_Failpoints_AreTheOnesInTheCode()
    {
        var listed = FailpointRow().Matches(Read("docs/architecture.md")).Select(row => row.Groups[1].Value);
        var names = typeof(Failpoints).GetFields(BindingFlags.Public | BindingFlags.Static).Where(field => field.IsLiteral)
            .Select(field => (string)field.GetRawConstantValue()!);

        Assert.Equal(names.Order(), listed.Order());
    }

    [Fact]
    public void Dependencies_EveryPackage_IsExplained()
    {
        var text = Read("docs/dependencies.md");
        var packages = PackageVersion().Matches(Read("Directory.Packages.props")).Select(package => package.Groups[1].Value);

        Assert.DoesNotContain(packages, package => !text.Contains(package, StringComparison.Ordinal) && !IsOfAFamily(package, text));
    }

    [Fact]
    public void Links_BetweenDocuments_LeadSomewhere()
    {
        var documents = Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories)
            .Concat(Directory.EnumerateFiles(Repository.Root, "*.md"));
        var broken = documents.SelectMany(document => Link().Matches(File.ReadAllText(document)).Select(link => link.Groups[1].Value)
            .Where(target => !target.StartsWith("http", StringComparison.Ordinal) && !target.StartsWith('#'))
            .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(document)!, target.Split('#')[0])))
            .Select(target => $"{Path.GetFileName(document)}: {target}"));

        Assert.Empty(broken);
    }

    /// <summary>`Microsoft.Orleans.Server, .Sdk`, `Azure.*`: the last part beside its family's first part.</summary>
    private static bool IsOfAFamily(string package, string text) =>
        (package.StartsWith("Microsoft.Orleans.", StringComparison.Ordinal) && text.Contains(package["Microsoft.Orleans".Length..], StringComparison.Ordinal))
        || Family().Matches(text).Any(family => package.StartsWith(family.Groups[1].Value, StringComparison.Ordinal));

    private static IEnumerable<string> Settings(Type type, string prefix) =>
        type.GetProperties().Where(property => property.CanWrite).SelectMany(property => property.PropertyType switch
        {
            var own when IsSection(own) => Settings(own, $"{prefix}{property.Name}:"),
            // Sections by name: `user` stands for all of them.
            { IsGenericType: true } named when named.GetGenericArguments()[^1] is var each && IsSection(each) => Settings(each, $"{prefix}{property.Name}:user:"),
            _ => [prefix + property.Name],
        });

    private static bool IsSection(Type type) => type.Assembly.GetName().Name!.StartsWith("HiveMind", StringComparison.Ordinal) && !type.IsEnum
        && !type.IsAssignableTo(typeof(IEnumerable));

    private static string Read(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    [GeneratedRegex(@"^\| `([A-Z][a-z]\w*(?::\w+)*)` \|", RegexOptions.Multiline)]
    private static partial Regex SettingRow();

    [GeneratedRegex(@"^\| `([a-z]+\.[a-z.]+)` \|", RegexOptions.Multiline)]
    private static partial Regex FailpointRow();

    [GeneratedRegex("PackageVersion Include=\"([^\"]+)\"")]
    private static partial Regex PackageVersion();

    [GeneratedRegex(@"([A-Z][\w.]*)\\\*")]
    private static partial Regex Family();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
