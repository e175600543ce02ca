namespace HiveMind.Scheduling;

/// <summary>
/// Balanced load: the node whose fullest resource is least full once the task is on it. Machines with GPUs are kept for GPU work: a
/// task without one goes there only if nothing else fits, however loaded the others are.
/// </summary>
public sealed class BalancedSpreadPolicy : IPlacementPolicy
{
    /// <summary>More than any difference of load, which is at most 1.</summary>
    private const double KeptForGpuWork = 2;

    public double Score(NodeView node, ResourceRequest free, ResourceRequest request)
    {
        var load = Math.Max(
            Load(node.Total.MilliCores, free.MilliCores, request.MilliCores), Load(node.Total.MemoryMb, free.MemoryMb, request.MemoryMb));
        if (request.Gpus > 0) return -Math.Max(load, Load(node.Total.Gpus, free.Gpus, request.Gpus));
        return node.Total.Gpus > 0 ? -load - KeptForGpuWork : -load;
    }

    private static double Load(int total, int free, int request) => total <= 0 ? 0 : (total - free + request) / (double)total;
}
