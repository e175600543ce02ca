using HiveMind.Tests.Processes;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace HiveMind.Tests.Docs;

/// <summary>The product's source files, parsed once: every project that is not there to test or measure it.</summary>
internal static class ProductSource
{
    private static readonly string[] NotProduct = ["Tests", "Benchmarks", "Simulation", "examples"];

    private static readonly Lazy<IReadOnlyList<SyntaxNode>> Parsed = new(() => [.. Files().AsParallel().AsOrdered()
        .Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: Path.GetRelativePath(Repository.Root, file)).GetRoot())]);

    public static IReadOnlyList<SyntaxNode> Roots => Parsed.Value;

    private static IEnumerable<string> Files() => Directory.EnumerateDirectories(Repository.Root)
        .Where(folder => !NotProduct.Contains(Path.GetFileName(folder)) && Directory.EnumerateFiles(folder, "*.csproj").Any())
        .SelectMany(folder => Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
        .Where(file => !Path.GetRelativePath(Repository.Root, file).Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin"))
        .Order(StringComparer.Ordinal);
}
