using HiveMind.Scheduling;

namespace HiveMind.Nodes;

/// <summary>What a node may carry and what is reserved on it: at every instant reserved ≤ capacity, and each task is released once.</summary>
public sealed class NodeReservations
{
    private readonly Dictionary<string, ResourceRequest> _reserved = [];

    public ResourceRequest Total { get; private set; } = new(0, 0, 0);
    public ResourceRequest Free => Minus(Total, Sum());
    public int Count => _reserved.Count;

    /// <summary>A node that shrank keeps what it runs and takes nothing new until enough of it has ended.</summary>
    public void Resize(NodeCapabilities capabilities) => Total = TotalOf(capabilities);

    /// <summary>False when it does not fit or the task is already here.</summary>
    public bool TryReserve(string taskId, ResourceRequest request)
    {
        var free = Free;
        if (request.MilliCores > free.MilliCores || request.MemoryMb > free.MemoryMb || request.Gpus > free.Gpus) return false;
        return _reserved.TryAdd(taskId, request);
    }

    public bool Release(string taskId) => _reserved.Remove(taskId);

    public void Clear() => _reserved.Clear();

    public static ResourceRequest TotalOf(NodeCapabilities capabilities) =>
        new((int)Math.Min(capabilities.CpuCores * 1000, int.MaxValue), (int)Math.Min(capabilities.MemoryMb, int.MaxValue), capabilities.GpuCount);

    private ResourceRequest Sum()
    {
        int cores = 0, memory = 0, gpus = 0;
        foreach (var one in _reserved.Values)
        {
            cores += one.MilliCores;
            memory += one.MemoryMb;
            gpus += one.Gpus;
        }

        return new(cores, memory, gpus);
    }

    private static ResourceRequest Minus(ResourceRequest a, ResourceRequest b) =>
        new(a.MilliCores - b.MilliCores, a.MemoryMb - b.MemoryMb, a.Gpus - b.Gpus);
}
