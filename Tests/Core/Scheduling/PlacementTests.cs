using CsCheck;
using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

public sealed class PlacementTests
{
    [Fact]
    public void ByName_EveryPolicy_IsFoundByTheNameItHas() => Assert.All(PlacementPolicies.All, policy => Assert.Same(policy, PlacementPolicies.ByName(policy.Name)));

    [Fact]
    public void BinPacking_TwoNodes_FillsOneBeforeTheOther()
    {
        var core = NewCore(policy: new BinPackingPolicy());
        for (var i = 0; i < 5; i++) core.Enqueue(new TaskBuilder($"t{i}").At(i));
        core.Nodes(new NodeBuilder("a").Size(4), new NodeBuilder("b").Size(4));
        Assert.Equal(["t0@a", "t1@a", "t2@a", "t3@a", "t4@b"], core.Propose());
    }

    [Fact]
    public void PowerOfTwoChoices_ManyNodes_SpreadsNearlyEvenly()
    {
        var core = NewCore(policy: new PowerOfTwoChoicesPolicy());
        for (var i = 0; i < 200; i++) core.Enqueue(new TaskBuilder($"t{i:000}").Cores(0.1).Memory(1).At(i));
        for (var i = 0; i < 50; i++) core.Nodes(new NodeBuilder($"n{i:00}"));
        var each = core.Propose().CountBy(placed => placed[^3..]).Select(node => node.Value).ToList();
        Assert.Equal((200, true), (each.Sum(), each.Max() <= 8)); // 4 is even; one choice would reach 10 or more
    }

    [Fact]
    public void BalancedSpread_MoreNodesThanAreCompared_TakesThemInTurn()
    {
        var core = NewCore();
        for (var i = 0; i < 200; i++) core.Enqueue(new TaskBuilder($"t{i:000}").Cores(0.1).Memory(1).At(i));
        for (var i = 0; i < 100; i++) core.Nodes(new NodeBuilder($"n{i:00}"));
        var each = core.Propose().CountBy(placed => placed[^3..]).Select(node => node.Value).ToList();
        Assert.Equal((100, 200, true), (each.Count, each.Sum(), each.Max() <= 3));
    }

    [Fact]
    public void Score_OwnerUsesTheMachine_AnotherIsPreferredButTheCapacityStays()
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("a").At(1), new TaskBuilder("b").Cores(4).At(2)).Nodes(new NodeBuilder("busy").Cpu(90), new NodeBuilder("idle").Cpu(2));
        Assert.Equal(["b@busy", "a@idle"], core.Propose());
    }

    [Theory]
    [InlineData("zone = a", "na")]
    [InlineData("zone in (b, c), tier = fast", "nb")]
    [InlineData("!zone", "plain")]
    [InlineData("node.id = na", "na")]
    public void Propose_LabelsAreAsked_OnlyTheNodeThatSaysSo(string labels, string node)
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("t").Labels(labels)).Nodes(
            new NodeBuilder("na").Label("zone", "a").Label("node.id", "na"), new NodeBuilder("nb").Label("zone", "b").Label("tier", "fast").Label("node.id", "nb"),
            new NodeBuilder("nc").Label("zone", "c").Label("node.id", "nc"), new NodeBuilder("plain").Label("node.id", "plain"));
        Assert.Equal([$"t@{node}"], core.Propose());
    }

    [Fact]
    public void Propose_NodeIsLabelledLater_ParkedTaskGoes()
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("t").Labels("zone = a")).Nodes(new NodeBuilder("n"));
        Assert.Empty(core.Propose());
        core.Nodes(new NodeBuilder("n").Label("zone", "a").Version(2));
        Assert.Equal(["t@n"], core.Propose());
    }

    [Fact]
    public void Propose_DiskIsAPartOfTheVector()
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("t").Disk(1000)).Nodes(new NodeBuilder("large").Size(16).Disk(500), new NodeBuilder("disk").Size(2).Disk(2000));
        Assert.Equal(["t@disk"], core.Propose());
    }

    [Fact]
    public void Propose_StartIsOver_IsNamedToBeEndedAndNeverOffered()
    {
        var core = NewCore();
        core.Enqueue(new TaskBuilder("late").StartBy(Now.AddSeconds(5)).At(1), new TaskBuilder("b").StartBy(Now.AddHours(1)).At(2));
        Assert.Empty(core.TakeExpired(Now.AddSeconds(4), 10));
        Assert.Equal(["late"], core.TakeExpired(Now.AddSeconds(5), 10));
        core.Nodes(new NodeBuilder("n"));
        Assert.Equal(["b@n"], core.Propose(Now.AddSeconds(6)));
        Assert.Equal("EXPIRED", core.Explain("late", Now).Reason);
        Assert.Empty(core.TakeExpired(Now.AddSeconds(6), 10));
        Assert.Equal(["late"], core.TakeExpired(Now.AddSeconds(11), 10)); // whoever was to end it may have died
        core.ForgetExpired("late"); // its record says that it waits no more
        Assert.False(core.Knows("late"));
        Assert.Empty(core.TakeExpired(Now.AddSeconds(100), 10));
    }

    [Fact]
    public void FitTree_AnyHistory_FindsWhatAFullScanFinds() => Gen.Select(Gen.Int[0, 40], Gen.Int[0, 9], Gen.Int[0, 9], Gen.Int[0, 3]).Array[1, 60].Sample(changes =>
    {
        var (tree, model) = (new FitTree(), new Dictionary<int, ResourceVector>());
        foreach (var (leaf, cores, memory, kind) in changes)
        {
            if (kind == 0) model.Remove(leaf);
            else model[leaf] = ResourceVector.Of(cores, memory);
            tree.Set(leaf, kind == 0 ? null : model[leaf]);
            var request = ResourceVector.Of(memory, cores);
            var found = Enumerable.Range(0, 41).Where(i => model.TryGetValue(i, out var room) && request.FitsIn(room));
            var from = kind * 7;
            Assert.Equal(found.FirstOrDefault(i => i >= from, -1), tree.Next(from, request));
        }
    });

    [Fact]
    public void Propose_ThousandShapes_OrderIsStillKept()
    {
        // More lanes than are compared one by one, most of them parked: the first in order that fits must be found all the same.
        var core = NewCore();
        for (var i = 0; i < 1000; i++) core.Enqueue(new TaskBuilder($"t{i:0000}").Memory(100 + i).At(1000 - i));
        core.Nodes(new NodeBuilder("n").Size(1, 110));
        Assert.Equal(["t0010@n"], core.Propose());
    }
}
