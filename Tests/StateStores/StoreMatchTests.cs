using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

public sealed class StoreMatchTests
{
    private static readonly StateStoreVersions Code = new(2, 2, 2);
    private static readonly StateStoreMetaRecord StateStore = new("floor-1", "books-1", "files-1", Code, Sequence: 10);
    private static readonly StoreIdentities Others = new("books-1", "files-1", "floor-1", NotedSequence: 10);

    [Fact]
    public void Problems_StoresOfEachOther_None() => Assert.Empty(StoreMatch.Problems(StateStore, Others, Code, acceptLostStateStore: false));

    [Fact]
    public void Problems_AllNew_None() =>
        Assert.Empty(StoreMatch.Problems(null, Others with { StateStoreId = null, NotedSequence = 0 }, Code, acceptLostStateStore: false));

    [Fact]
    public void Problems_StateStoreFoundedButNotYetNoted_None() =>
        Assert.Empty(StoreMatch.Problems(StateStore, Others with { StateStoreId = null, NotedSequence = 0 }, Code, acceptLostStateStore: false));

    [Fact]
    public void Problems_StateStoreAheadOfItsDatabase_None() =>
        Assert.Empty(StoreMatch.Problems(StateStore with { Sequence = 99 }, Others, Code, acceptLostStateStore: false));

    [Fact]
    public void Problems_StateStoreOlderThanTheCode_None() =>
        Assert.Empty(StoreMatch.Problems(StateStore with { Versions = new StateStoreVersions(1, 1, 1) }, Others, Code, acceptLostStateStore: false));

    [Fact]
    public void Problems_EmptyStateStoreUnderDatabaseThatNameOne_RefusedUnlessAccepted()
    {
        var problem = Assert.Single(StoreMatch.Problems(null, Others, Code, acceptLostStateStore: false));

        Assert.Contains("The state store is empty", problem, StringComparison.Ordinal);
        Assert.Contains(StoreMatch.AcceptFlag, problem, StringComparison.Ordinal);
        Assert.Empty(StoreMatch.Problems(null, Others, Code, acceptLostStateStore: true));
    }

    public static TheoryData<string, StateStoreMetaRecord, StoreIdentities, string> Mismatches => new()
    {
        { "other books", StateStore, Others with { DatabaseId = "books-2" }, "not the state store's database" },
        { "new books", StateStore, new StoreIdentities("books-2", "files-1", null, 0), "not the state store's database" },
        { "other files", StateStore, Others with { FilesId = "files-2" }, "not the state store's files" },
        { "other floor", StateStore with { StateStoreId = "floor-2" }, Others, "not the database's state store" },
        { "behind", StateStore with { Sequence = 9 }, Others, "behind its database" },
        { "older database", StateStore with { Confirmed = 10 }, Others with { NotedSequence = 9 }, "of an older moment" },
        { "database from before the state store", StateStore with { Confirmed = 10 }, Others with { StateStoreId = null, NotedSequence = 0 }, "of an older moment" },
        { "newer schema", StateStore with { Versions = Code with { Schema = 3 } }, Others, "its schema is version 3" },
        { "newer keys", StateStore with { Versions = Code with { KeyLayout = 3 } }, Others, "its key layout is version 3" },
        { "newer serializer", StateStore with { Versions = Code with { Serializer = 3 } }, Others, "its serializer is version 3" },
    };

    [Theory]
    [MemberData(nameof(Mismatches))]
    public void Problems_Mismatch_OneLineAlsoWhenALostStateStoreIsAccepted(
        string name, StateStoreMetaRecord stateStore, StoreIdentities others, string expected)
    {
        foreach (var accepted in new[] { false, true })
        {
            var problem = Assert.Single(StoreMatch.Problems(stateStore, others, Code, accepted));
            Assert.True(problem.Contains(expected, StringComparison.Ordinal), $"{name}: {problem}");
            Assert.DoesNotContain('\n', problem);
        }
    }

    [Fact]
    public void Problems_SeveralMismatches_OneLineEach() => Assert.Equal(3, StoreMatch.Problems(
        StateStore with { Versions = Code with { Schema = 3 } }, Others with { DatabaseId = "books-2", FilesId = "files-2" }, Code, false).Count);
}
