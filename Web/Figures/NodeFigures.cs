using HiveMind.Nodes;

namespace HiveMind.Web.Figures;

/// <summary>All nodes in sums. Capacity is that of the nodes that can work now: online or busy, and not a master.</summary>
public sealed record NodeFigures(int Online, int Busy, int Offline, double Cores, double FreeCores, long MemoryMb, long FreeMemoryMb, int Gpus)
{
    public static readonly NodeFigures None = new(0, 0, 0, 0, 0, 0, 0, 0);

    public int Total => Online + Busy + Offline;

    public static NodeFigures Of(IReadOnlyList<NodeSnapshot> nodes)
    {
        var working = nodes.Where(node => node.Status is not "offline" && node.NodeType != NodeTypes.Master).ToList();
        return new(nodes.Count(node => node.Status == "online"), nodes.Count(node => node.Status == "busy"), nodes.Count(node => node.Status == "offline"),
            working.Sum(node => node.Capabilities.CpuCores), working.Sum(node => node.FreeCores),
            working.Sum(node => node.Capabilities.MemoryMb), working.Sum(node => node.FreeMemoryMb), working.Sum(node => node.Capabilities.GpuCount));
    }
}
