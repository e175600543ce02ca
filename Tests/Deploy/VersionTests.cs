using System.Diagnostics;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using HiveMind.Tests.Contracts;
using HiveMind.Tests.Processes;

namespace HiveMind.Tests.Deploy;

/// <summary>The version stands in Directory.Build.props, and whatever shows one shows that.</summary>
public sealed partial class VersionTests
{
    private static readonly string Version = XDocument.Load(Path.Combine(Repository.Root, "Directory.Build.props")).Descendants("Version").Single().Value;

    [Fact]
    public void EveryAssembly_HasIt() => Assert.All(GrainContract.Product.Append(typeof(HiveMind.Workers.WorkerHost).Assembly).Append(typeof(HiveMind.Cli.App).Assembly), assembly =>
    {
        Assert.Equal(Version, assembly.GetName().Version!.ToString(3));
        Assert.Equal(Version, assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0]);
    });

    [Fact]
    public async Task CommandLine_PrintsIt()
    {
        var info = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "hivemind.dll"), "--version"]) { RedirectStandardOutput = true };
        using var process = Process.Start(info)!;
        var said = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        Assert.Equal(Version, said.Trim().Split('+')[0]);
    }

    /// <summary>No project, image or unit has a number of its own to forget.</summary>
    [Fact]
    public void NothingElse_SaysOne()
    {
        var files = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Concat(new[] { "Dockerfile", "compose.yaml" }.Select(file => Path.Combine(Repository.Root, file)))
            .Concat(new[] { "deploy", ".ci", ".github" }.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*", SearchOption.AllDirectories)))
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(files);
        Assert.DoesNotContain(files, file => OwnVersion().IsMatch(File.ReadAllText(file)));
        Assert.DoesNotContain(files, file => Regex.IsMatch(File.ReadAllText(file), $@"(?<![\d.]){Regex.Escape(Version)}(?![\d.])"));
    }

    [Fact]
    public void Changelog_BeginsWithIt()
    {
        var entries = Entry().Matches(File.ReadAllText(Path.Combine(Repository.Root, "CHANGELOG.md"))).Select(entry => (Version: entry.Groups[1].Value, When: entry.Groups[2].Value)).ToList();

        Assert.Equal(Version, entries[0].Version);
        Assert.All(entries.Skip(1), entry => Assert.Matches(@"^\d{4}-\d\d-\d\d$", entry.When));
        Assert.Equal(entries.Select(entry => System.Version.Parse(entry.Version)).OrderDescending(), entries.Select(entry => System.Version.Parse(entry.Version)));
    }

    [GeneratedRegex("<(Version|VersionPrefix|AssemblyVersion|FileVersion|InformationalVersion|PackageVersion)>")]
    private static partial Regex OwnVersion();

    [GeneratedRegex(@"^## \[(\d+\.\d+\.\d+)\] - (\S+)", RegexOptions.Multiline)]
    private static partial Regex Entry();
}
