using HiveMind.Storage;

namespace HiveMind.Tests.Floors;

/// <summary>What a Redis may hold before a floor moves there.</summary>
public sealed class MigrationRuleTests
{
    private static readonly FloorMetaRecord Floor = new("floor-1", "books-1", "files-1", FloorVersions.Current, 7);
    private static readonly StoreIdentities Books = new("books-1", "files-1", "floor-1", 7);

    [Fact]
    public void Decide_EmptyTarget_Copies() => Assert.Equal(MigrationStep.Copy, Decide(new(null, null, null)));

    [Fact]
    public void Decide_HalfACopyOfThisFloor_CopiesAnew() => Assert.Equal(MigrationStep.Copy, Decide(new(null, "floor-1", "hivemind/open")));

    [Theory]
    [InlineData(7, MigrationStep.OnlyMark)]
    [InlineData(9, MigrationStep.OnlyMark)]
    [InlineData(6, MigrationStep.Copy)]
    internal void Decide_CopiedBefore_TheOneThatWentOnDecides(long sequenceThere, MigrationStep expected) =>
        Assert.Equal(expected, Decide(new(Floor with { Sequence = sequenceThere }, null, "hivemind/open")));

    [Fact]
    public void Decide_TheTargetWentOn_OnlyMarksThoughTheOldFloorIsBehindItsBooks() => Assert.Equal(
        MigrationStep.OnlyMark,
        MigrationRule.Decide(Floor, new(Floor with { Sequence = 9 }, null, "k"), Books with { NotedSequence = 9 }, FloorVersions.Current));

    [Fact]
    public void Decide_WhatIsNotOurs_IsRefused()
    {
        Refused("already holds floor floor-2", new(Floor with { FloorId = "floor-2" }, null, "k"));
        Refused("half a copy of another floor", new(null, "floor-2", "k"));
        Refused("not empty: it holds hivemind/open", new(null, null, "hivemind/open"));
    }

    [Fact]
    public void Decide_FloorThatCouldNotStart_IsRefused()
    {
        var behind = Assert.Throws<StartRefusedException>(() =>
            MigrationRule.Decide(Floor, new(null, null, null), Books with { NotedSequence = 8 }, FloorVersions.Current));
        Assert.Contains("behind its books", behind.Message, StringComparison.Ordinal);
        var empty = Assert.Throws<StartRefusedException>(() => MigrationRule.Decide(null, new(null, null, null), Books, FloorVersions.Current));
        Assert.Contains("nothing to move", empty.Message, StringComparison.Ordinal);
    }

    private static MigrationStep Decide(MigrationTarget target) => MigrationRule.Decide(Floor, target, Books, FloorVersions.Current);

    private static void Refused(string says, MigrationTarget target) =>
        Assert.Contains(says, Assert.Throws<StartRefusedException>(() => Decide(target)).Message, StringComparison.Ordinal);
}
