using System.Text.Json;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Deploy;

/// <summary>What is shipped is pinned, and CI looks at it.</summary>
public sealed class SupplyChainTests
{
    private static string Text(string path) => File.ReadAllText(Path.Combine(Repository.Root, path));

    [Fact]
    public void Ci_MakesTheBillAndLooksForAdvisories()
    {
        Assert.Contains(".ci/advisories || status=1", Text(".ci/run"), StringComparison.Ordinal);
        Assert.Contains(".ci/sbom \"$place/packages\"", Text(".ci/package"), StringComparison.Ordinal);
    }

    [Fact]
    public void Tools_ArePinnedToOneVersion()
    {
        using var manifest = JsonDocument.Parse(Text(".config/dotnet-tools.json"));
        Assert.All(manifest.RootElement.GetProperty("tools").EnumerateObject(), tool =>
            Assert.Matches(@"^\d+\.\d+\.\d+$", tool.Value.GetProperty("version").GetString()));
    }

    [Fact]
    public void EveryPackageOfTheProgram_IsLockedByItsContent()
    {
        using var locked = JsonDocument.Parse(Text("Cli/packages.lock.json"));
        var packages = locked.RootElement.GetProperty("dependencies").EnumerateObject().SelectMany(framework => framework.Value.EnumerateObject())
            .Where(package => package.Value.GetProperty("type").GetString() != "Project").ToList();
        Assert.NotEmpty(packages);
        Assert.All(packages, package => Assert.NotEmpty(package.Value.GetProperty("contentHash").GetString()!));
    }

    [Fact]
    public void SecurityPolicy_NamesNoInventedAddress()
    {
        Assert.DoesNotContain('@', Text("SECURITY.md"));
        Assert.DoesNotContain("http", Text("SECURITY.md"), StringComparison.Ordinal);
    }
}
