using HiveMind.Nodes;

namespace HiveMind.Tests.Nodes;

public sealed class NodeLabelsTests
{
    [Fact]
    public void Of_AMachineWithoutGpu_SaysWhatItIsAndWhatItsOwnerSays()
    {
        var labels = NodeLabels.Of("n1", "ann", new NodeCapabilities { CpuCores = 3.5, MemoryMb = 4096, Labels = new Dictionary<string, string> { ["zone"] = "a" } });
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["zone"] = "a", ["node.id"] = "n1", ["node.owner"] = "ann", ["machine.cpu_cores"] = "3.5", ["machine.memory_mb"] = "4096",
                ["machine.sandboxed"] = "false",
            },
            labels);
    }

    [Fact]
    public void Of_AMachineWithGpus_SaysCountModelAndMemoryWhereTheyAreKnown()
    {
        var machine = new NodeCapabilities { CpuCores = 1, MemoryMb = 1, GpuCount = 2, GpuModel = "NVIDIA H200", GpuMemoryMb = 143_771, Sandboxed = true };
        var labels = NodeLabels.Of("n1", "ann", machine);
        Assert.Equal(("2", "NVIDIA H200", "143771", "true"), (labels["gpu.count"], labels["gpu.model"], labels["gpu.memory_mb"], labels["machine.sandboxed"]));
        labels = NodeLabels.Of("n1", "ann", machine with { GpuModel = "", GpuMemoryMb = 0 });
        Assert.Equal((true, false, false), (labels.ContainsKey("gpu.count"), labels.ContainsKey("gpu.model"), labels.ContainsKey("gpu.memory_mb")));
    }

    [Fact]
    public void Of_LabelsThatAreTheHubsOwn_AreNotTakenFromTheOwner()
    {
        var labels = NodeLabels.Of("n1", "ann", new NodeCapabilities
        {
            Labels = new Dictionary<string, string> { ["gpu.model"] = "H200", ["node.owner"] = "root", ["machine.x"] = "y", ["gpus"] = "kept" },
        });
        Assert.Equal(("ann", "kept"), (labels["node.owner"], labels["gpus"]));
        Assert.DoesNotContain("gpu.model", labels.Keys);
        Assert.DoesNotContain("machine.x", labels.Keys);
    }
}
