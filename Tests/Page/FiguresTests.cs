using System.Collections;
using System.Reflection;
using HiveMind.Nodes;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Web.Components;
using HiveMind.Web.Figures;
using HiveMind.Web.Mine;

namespace HiveMind.Tests.Page;

/// <summary>What strangers may see, and how figures read.</summary>
public sealed class FiguresTests
{
    [Fact]
    public void Board_WhateverIsInIt_HasNoPlaceForAName()
    {
        var leaves = Leaves(typeof(PoolBoard)).ToHashSet();

        Assert.DoesNotContain(typeof(string), leaves);
        Assert.Subset(new HashSet<Type> { typeof(int), typeof(long), typeof(double), typeof(bool), typeof(DateTimeOffset), typeof(TaskState) }, leaves);
    }

    [Fact]
    public void Nodes_OfAllStates_AreSummedAndOnlyTheWorkingOnesGiveRoom()
    {
        var figures = NodeFigures.Of([Node("a", "online", 4, 3), Node("b", "busy", 2, 0), Node("c", "offline", 8, 8), Node("m", "online", 16, 16, NodeTypes.Master)]);

        Assert.Equal((2, 1, 1, 4), (figures.Online, figures.Busy, figures.Offline, figures.Total));
        Assert.Equal((6.0, 3.0), (figures.Cores, figures.FreeCores));
        Assert.Equal((2048L, 1024L), (figures.MemoryMb, figures.FreeMemoryMb));
    }

    [Fact]
    public void Recent_WaitsOfSlots_AreWeighedByTasks()
    {
        ActivityPoint Point(long started, long waited, long longest) => new(DateTimeOffset.UnixEpoch, started, 1, 2, 3, started, waited, longest, null, null);

        var recent = EndedFigures.Of([Point(1, 9000, 9000), Point(9, 1000, 500), Point(0, 0, 0)]);

        Assert.Equal((1.0, 9.0), (recent.MeanWaitSeconds, recent.LongestWaitSeconds));
        Assert.Equal((10, 3, 6, 9, 18), (recent.Completed, recent.Failed, recent.Cancelled, recent.TimedOut, recent.NotCompleted));
    }

    [Fact]
    public void NodeRows_OwnOnesFirst_ThenThoseThatWork()
    {
        var rows = PersonalView.Shown([Node("a", "offline", 1, 1), Node("b", "online", 1, 1), Node("z", "offline", 1, 1) with { OwnerId = "me" }], "me");

        Assert.Equal(["z", "b", "a"], rows.Select(row => row.NodeId));
        Assert.Equal([true, false, false], rows.Select(row => row.IsMine));
        var cordoned = Node("c", "online", 1, 1) with { OwnerId = "me", Cordoned = "new disk" };
        Assert.Equal("new disk", Assert.Single(PersonalView.Shown([cordoned], "me")).Cordoned);
        Assert.Equal("cordoned by its owner or an admin", Assert.Single(PersonalView.Shown([cordoned], "another")).Cordoned);
    }

    [Theory]
    [InlineData(null, "–")]
    [InlineData(0.0, "0 s")]
    [InlineData(0.0421, "42 ms")]
    [InlineData(1.24, "1.2 s")]
    [InlineData(59.4, "59 s")]
    [InlineData(61.0, "1 min 1 s")]
    [InlineData(7300.0, "2 h 1 min")]
    public void Seconds_AreReadable(double? seconds, string text) => Assert.Equal(text, Show.Seconds(seconds));

    [Theory]
    [InlineData(0.0, 1.0)]
    [InlineData(0.31, 0.4)]
    [InlineData(1.0, 1.0)]
    [InlineData(11.0, 20.0)]
    [InlineData(201.0, 300.0)]
    [InlineData(999.0, 1000.0)]
    public void Axis_EndsAtARoundFigureThatHoldsAll(double highest, double top) => Assert.Equal(top, PlotShape.RoundUp(highest), 9);

    [Fact]
    public void Plot_StackedBars_StandOnEachOther()
    {
        PlotSeries[] series = [new("a", "good", PlotKind.Bars, [1, null]), new("b", "bad", PlotKind.Bars, [1, 2])];

        var paths = PlotShape.Paths(series, PlotShape.Highest(series));

        Assert.Equal("M45 100V50H405V100Z", paths[0].Path);
        Assert.Equal("M45 50V0H405V50ZM495 100V0H855V100Z", paths[1].Path);
    }

    [Fact]
    public void Plot_LineWhereNobodyLooked_IsBroken()
    {
        PlotSeries[] series = [new("a", "wait", PlotKind.Line, [1, 2, null, 2])];

        Assert.Equal("M0 50H225V0H450M675 0H900", PlotShape.Paths(series, 2)[0].Path);
    }

    private static NodeSnapshot Node(string id, string status, double cores, double free, string type = NodeTypes.Worker) => new()
    {
        NodeId = id, OwnerId = "o-" + id, OwnerName = "owner of " + id, NodeType = type, Hostname = "host", Status = status, Usage = new(0, 0, 0),
        Capabilities = new() { CpuCores = cores, MemoryMb = 1024 }, FreeCores = free, FreeMemoryMb = 512,
    };

    private static IEnumerable<Type> Leaves(Type type) => type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.Name != "EqualityContract")
        .Select(property => Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType)
        .SelectMany(of => of.IsAssignableTo(typeof(IEnumerable)) && of != typeof(string) ? Leaves(of.GetGenericArguments()[0])
            : of.Assembly == typeof(PoolBoard).Assembly || of == typeof(LastEnded) ? Leaves(of) : [of]);
}
