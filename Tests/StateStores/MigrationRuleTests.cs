using HiveMind.Storage;

namespace HiveMind.Tests.StateStores;

/// <summary>What a Redis may hold before a state store moves there.</summary>
public sealed class MigrationRuleTests
{
    private static readonly StateStoreMetaRecord StateStore = new("floor-1", "books-1", "files-1", StateStoreVersions.Current, 7);
    private static readonly StoreIdentities Database = new("books-1", "files-1", "floor-1", 7);

    [Fact]
    public void Decide_EmptyTarget_Copies() => Assert.Equal(MigrationStep.Copy, Decide(new(null, null, null)));

    [Fact]
    public void Decide_HalfACopyOfThisStateStore_CopiesAnew() => Assert.Equal(MigrationStep.Copy, Decide(new(null, "floor-1", "hivemind/open")));

    [Theory]
    [InlineData(7, MigrationStep.OnlyMark)]
    [InlineData(9, MigrationStep.OnlyMark)]
    [InlineData(6, MigrationStep.Copy)]
    internal void Decide_CopiedBefore_TheOneThatWentOnDecides(long sequenceThere, MigrationStep expected) =>
        Assert.Equal(expected, Decide(new(StateStore with { Sequence = sequenceThere }, null, "hivemind/open")));

    [Fact]
    public void Decide_TheTargetWentOn_OnlyMarksThoughTheOldStateStoreIsBehindItsDatabase() => Assert.Equal(
        MigrationStep.OnlyMark,
        MigrationRule.Decide(StateStore, new(StateStore with { Sequence = 9 }, null, "k"), Database with { NotedSequence = 9 }, StateStoreVersions.Current));

    [Fact]
    public void Decide_WhatIsNotOurs_IsRefused()
    {
        Refused("already holds state store floor-2", new(StateStore with { StateStoreId = "floor-2" }, null, "k"));
        Refused("half a copy of another state store", new(null, "floor-2", "k"));
        Refused("not empty: it holds hivemind/open", new(null, null, "hivemind/open"));
    }

    [Fact]
    public void Decide_StateStoreThatCouldNotStart_IsRefused()
    {
        var behind = Assert.Throws<StartRefusedException>(() =>
            MigrationRule.Decide(StateStore, new(null, null, null), Database with { NotedSequence = 8 }, StateStoreVersions.Current));
        Assert.Contains("behind its database", behind.Message, StringComparison.Ordinal);
        var empty = Assert.Throws<StartRefusedException>(() => MigrationRule.Decide(null, new(null, null, null), Database, StateStoreVersions.Current));
        Assert.Contains("nothing to move", empty.Message, StringComparison.Ordinal);
    }

    private static MigrationStep Decide(MigrationTarget target) => MigrationRule.Decide(StateStore, target, Database, StateStoreVersions.Current);

    private static void Refused(string says, MigrationTarget target) =>
        Assert.Contains(says, Assert.Throws<StartRefusedException>(() => Decide(target)).Message, StringComparison.Ordinal);
}
