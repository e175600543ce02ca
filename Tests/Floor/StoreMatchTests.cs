using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

public sealed class StoreMatchTests
{
    private static readonly FloorVersions Code = new(2, 2, 2);
    private static readonly FloorMetaRecord Floor = new("floor-1", "books-1", "files-1", Code, Sequence: 10);
    private static readonly StoreIdentities Others = new("books-1", "files-1", "floor-1", NotedSequence: 10);

    [Fact]
    public void Problems_StoresOfEachOther_None() => Assert.Empty(StoreMatch.Problems(Floor, Others, Code, acceptLostFloor: false));

    [Fact]
    public void Problems_AllNew_None() =>
        Assert.Empty(StoreMatch.Problems(null, Others with { FloorId = null, NotedSequence = 0 }, Code, acceptLostFloor: false));

    [Fact]
    public void Problems_FloorFoundedButNotYetNoted_None() =>
        Assert.Empty(StoreMatch.Problems(Floor, Others with { FloorId = null, NotedSequence = 0 }, Code, acceptLostFloor: false));

    [Fact]
    public void Problems_FloorAheadOfItsBooks_None() =>
        Assert.Empty(StoreMatch.Problems(Floor with { Sequence = 99 }, Others, Code, acceptLostFloor: false));

    [Fact]
    public void Problems_FloorOlderThanTheCode_None() =>
        Assert.Empty(StoreMatch.Problems(Floor with { Versions = new FloorVersions(1, 1, 1) }, Others, Code, acceptLostFloor: false));

    [Fact]
    public void Problems_EmptyFloorUnderBooksThatNameOne_RefusedUnlessAccepted()
    {
        var problem = Assert.Single(StoreMatch.Problems(null, Others, Code, acceptLostFloor: false));

        Assert.Contains("The floor is empty", problem, StringComparison.Ordinal);
        Assert.Contains(StoreMatch.AcceptFlag, problem, StringComparison.Ordinal);
        Assert.Empty(StoreMatch.Problems(null, Others, Code, acceptLostFloor: true));
    }

    public static TheoryData<string, FloorMetaRecord, StoreIdentities, string> Mismatches => new()
    {
        { "other books", Floor, Others with { BooksId = "books-2" }, "not the floor's books" },
        { "new books", Floor, new StoreIdentities("books-2", "files-1", null, 0), "not the floor's books" },
        { "other files", Floor, Others with { FilesId = "files-2" }, "not the floor's files" },
        { "other floor", Floor with { FloorId = "floor-2" }, Others, "not the books' floor" },
        { "behind", Floor with { Sequence = 9 }, Others, "behind its books" },
        { "older books", Floor with { Confirmed = 10 }, Others with { NotedSequence = 9 }, "of an older moment" },
        { "books from before the floor", Floor with { Confirmed = 10 }, Others with { FloorId = null, NotedSequence = 0 }, "of an older moment" },
        { "newer schema", Floor with { Versions = Code with { Schema = 3 } }, Others, "its schema is version 3" },
        { "newer keys", Floor with { Versions = Code with { KeyLayout = 3 } }, Others, "its key layout is version 3" },
        { "newer serializer", Floor with { Versions = Code with { Serializer = 3 } }, Others, "its serializer is version 3" },
    };

    [Theory]
    [MemberData(nameof(Mismatches))]
    public void Problems_Mismatch_OneLineAlsoWhenALostFloorIsAccepted(
        string name, FloorMetaRecord floor, StoreIdentities others, string expected)
    {
        foreach (var accepted in new[] { false, true })
        {
            var problem = Assert.Single(StoreMatch.Problems(floor, others, Code, accepted));
            Assert.True(problem.Contains(expected, StringComparison.Ordinal), $"{name}: {problem}");
            Assert.DoesNotContain('\n', problem);
        }
    }

    [Fact]
    public void Problems_SeveralMismatches_OneLineEach() => Assert.Equal(3, StoreMatch.Problems(
        Floor with { Versions = Code with { Schema = 3 } }, Others with { BooksId = "books-2", FilesId = "files-2" }, Code, false).Count);
}
