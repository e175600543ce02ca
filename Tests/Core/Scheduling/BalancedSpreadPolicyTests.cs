using HiveMind.Scheduling;
using static HiveMind.Tests.Scheduling.CoreTalk;

namespace HiveMind.Tests.Scheduling;

public sealed class BalancedSpreadPolicyTests
{
    private readonly SchedulerCore _core = NewCore();

    [Fact]
    public void Propose_TwoIdleNodes_WorkIsSpread()
    {
        _core.Enqueue(new TaskBuilder("a").At(1), new TaskBuilder("b").At(2)).Nodes(new NodeBuilder("m"), new NodeBuilder("n"));
        Assert.Equal(["a@m", "b@n"], _core.Propose());
    }

    [Fact]
    public void Propose_NodesOfDifferentSize_LoadIsBalancedNotCount()
    {
        for (var i = 0; i < 6; i++) _core.Enqueue(new TaskBuilder($"t{i}").At(i));
        _core.Nodes(new NodeBuilder("large").Size(10), new NodeBuilder("small").Size(2));

        Assert.Equal(5, _core.Propose().Count(placed => placed.EndsWith("@large", StringComparison.Ordinal)));
    }

    [Fact]
    public void Propose_MemoryIsTheScarceResource_Counts()
    {
        _core.Enqueue(new TaskBuilder("t").Memory(4096));
        _core.Nodes(new NodeBuilder("cores").Size(64, 4096), new NodeBuilder("memory").Size(2, 65536));
        Assert.Equal(["t@memory"], _core.Propose());
    }

    [Fact]
    public void Propose_TaskWithoutGpu_PrefersALoadedPlainNodeToAnIdleGpuNode()
    {
        _core.Enqueue(new TaskBuilder("t")).Nodes(new NodeBuilder("gpu").Size(64, 65536, 4), new NodeBuilder("plain").Free(1));
        Assert.Equal(["t@plain"], _core.Propose());
    }

    [Fact]
    public void Propose_TaskWithoutGpuAndNothingElseFits_UsesTheGpuNode()
    {
        _core.Enqueue(new TaskBuilder("t").Cores(2)).Nodes(new NodeBuilder("gpu").Size(8, 8192, 1), new NodeBuilder("plain").Free(1));
        Assert.Equal(["t@gpu"], _core.Propose());
    }

    [Fact]
    public void Propose_TaskWithGpu_GoesToTheNodeWithMostGpusFree()
    {
        _core.Enqueue(new TaskBuilder("t").Gpus(1)).Nodes(
            new NodeBuilder("one").Size(8, 8192, 1), new NodeBuilder("four").Size(8, 8192, 4), new NodeBuilder("none").Size(8));
        Assert.Equal(["t@four"], _core.Propose());
    }
}
