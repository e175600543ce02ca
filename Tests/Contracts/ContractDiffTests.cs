using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace HiveMind.Tests.Contracts;

/// <summary>Which change is a break, tried on small contracts and on types made for it.</summary>
public sealed class ContractDiffTests
{
    private const string Kept = """
        # about
        message pool.Task
        field pool.Task 1: string name
        field pool.Task 2: repeated int32 parts
        rpc pool.Hub.Watch: (pool.Task) returns (stream pool.Task)
        value pool.State.DONE: 1
        """;

    [Theory]
    [InlineData("field pool.Task 2: repeated int32 parts", "", "removed: field pool.Task 2: repeated int32 parts")]
    [InlineData("field pool.Task 2: repeated int32 parts", "field pool.Task 3: repeated int32 parts", "renumbered: field pool.Task 2: repeated int32 parts, which is field pool.Task 3 now")]
    [InlineData("repeated int32 parts", "repeated int64 parts", "changed: field pool.Task 2: repeated int32 parts → repeated int64 parts")]
    [InlineData("repeated int32 parts", "int32 parts", "changed: field pool.Task 2: repeated int32 parts → int32 parts")]
    [InlineData("string name", "string title", "changed: field pool.Task 1: string name → string title")]
    [InlineData("(stream pool.Task)", "(pool.Task)", "changed: rpc pool.Hub.Watch: (pool.Task) returns (stream pool.Task) → (pool.Task) returns (pool.Task)")]
    [InlineData("DONE: 1", "DONE: 2", "changed: value pool.State.DONE: 1 → 2")]
    [InlineData("value pool.State.DONE: 1", "value pool.State.OVER: 1", "removed: value pool.State.DONE: 1")]
    [InlineData("message pool.Task\n", "", "removed: message pool.Task")]
    public void Change_OfWhatIsThere_IsABreak(string was, string now, string says)
    {
        Assert.Contains(was, Kept, StringComparison.Ordinal);
        var diff = Diff(Kept.Replace(was, now, StringComparison.Ordinal));

        Assert.Contains(says, diff.Breaks);
        Assert.Contains(".ci/contracts --break", diff.Report(), StringComparison.Ordinal);
    }

    [Fact]
    public void Addition_IsNoBreak_AndAsksToBeWrittenDown()
    {
        var diff = Diff(Kept + "\nfield pool.Task 3: bytes more");

        Assert.Empty(diff.Breaks);
        Assert.Equal(["added: field pool.Task 3: bytes more"], diff.Harmless);
        Assert.DoesNotContain("--break", diff.Report(), StringComparison.Ordinal);
        Assert.Contains(".ci/contracts", diff.Report(), StringComparison.Ordinal);
    }

    [Fact]
    public void Rename_OfAGrainsField_IsNoBreak()
    {
        var diff = ContractDiff.Between(Contract.Parse("field T 1: string Name"), Contract.Parse("field T 1: string Title"), namesCount: false);

        Assert.Empty(diff.Breaks);
        Assert.Equal(["renamed: field T 1: string Name → string Title"], diff.Harmless);
    }

    [Fact]
    public void Text_ReadAgain_IsTheSame()
    {
        var built = WireContract.Build();

        Assert.Equal(built.Facts, Contract.Parse(built.Text).Facts);
        Assert.True(Diff(Kept).IsNone);
    }

    private const string Types = """
        using System.Collections.Generic;
        using System.Threading.Tasks;
        using Orleans;
        namespace Here;
        public enum Size { Small = 1, Large = 2 }
        [GenerateSerializer, Alias("Test.Parcel")]
        public sealed record Parcel([property: Id(0)] IReadOnlyList<string> To) { [Id(1)] public Size? Size { get; init; } [Id(2)] public Parcel Inner { get; init; } }
        [Alias("Test.IPost")]
        public interface IPost : IGrainWithStringKey { [Alias("Send")] Task<Size> Send(Parcel parcel); }
        """;

    [Fact]
    public void Types_MovedToAnotherAssemblyAndNamespace_AreTheSame() =>
        Assert.Equal(Built(Types).Facts, Built(Types.Replace("namespace Here", "namespace Elsewhere.Far", StringComparison.Ordinal), "HiveMind.Moved").Facts);

    [Theory]
    [InlineData("[Id(2)]", "[Id(5)]", "renumbered: field Test.Parcel 2: Test.Parcel Inner, which is field Test.Parcel 5 now")]
    [InlineData("[Id(2)] public Parcel Inner { get; init; }", "", "removed: field Test.Parcel 2: Test.Parcel Inner")]
    [InlineData("IReadOnlyList<string>", "IReadOnlyList<int>", "changed: field Test.Parcel 0: IReadOnlyList<String> To → IReadOnlyList<Int32> To")]
    [InlineData("public Size? Size", "public Size Size", "changed: field Test.Parcel 1: Size? Size → Size Size")]
    [InlineData("Large = 2", "Large = 3", "changed: value Size.Large: 2 → 3")]
    [InlineData("Alias(\"Test.Parcel\")", "Alias(\"Test.Packet\")", "removed: type Test.Parcel: class")]
    [InlineData("Alias(\"Send\")", "Alias(\"Post\")", "removed: method Test.IPost.Send: (Test.Parcel) returns Task<Size>")]
    [InlineData("Send(Parcel parcel)", "Send(string parcel)", "changed: method Test.IPost.Send: (Test.Parcel) returns Task<Size> → (String) returns Task<Size>")]
    [InlineData("IGrainWithStringKey", "IGrainWithGuidKey", "changed: interface Test.IPost: key string → key of another kind")]
    public void Types_Changed_AreABreak(string was, string now, string says)
    {
        Assert.Contains(was, Types, StringComparison.Ordinal);

        Assert.Contains(says, ContractDiff.Between(Built(Types), Built(Types.Replace(was, now, StringComparison.Ordinal)), namesCount: false).Breaks);
    }

    [Theory]
    [InlineData("[Alias(\"Test.IPost\")]", "", "Here.IPost")]
    [InlineData("[Alias(\"Send\")]", "", "Here.IPost.Send")]
    [InlineData("[property: Id(0)]", "", "Here.Parcel.To")]
    [InlineData(", Alias(\"Test.Parcel\")", "", "Here.Parcel")]
    public void Types_WithoutANameOfTheirOwn_AreNamed(string was, string now, string says)
    {
        Assert.Empty(GrainContract.Unnamed(Compile(Types)));

        Assert.Equal([says], GrainContract.Unnamed(Compile(Types.Replace(was, now, StringComparison.Ordinal))));
    }

    private static ContractDiff Diff(string now) => ContractDiff.Between(Contract.Parse(Kept), Contract.Parse(now), namesCount: true);

    private static Contract Built(string source, string assembly = "HiveMind.Parcels") => Contract.Of(GrainContract.Facts(Compile(source, assembly)));

    private static Type[] Compile(string source, string assembly = "HiveMind.Parcels")
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(file => Path.GetFileName(file) is var name && (name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Orleans.", StringComparison.Ordinal) || name == "netstandard.dll"))
            .Select(file => MetadataReference.CreateFromFile(file));
        using var built = new MemoryStream();
        var result = CSharpCompilation.Create(assembly, [CSharpSyntaxTree.ParseText(source)], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)).Emit(built);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        built.Position = 0;
        return new AssemblyLoadContext(null, isCollectible: true).LoadFromStream(built).GetTypes();
    }
}
