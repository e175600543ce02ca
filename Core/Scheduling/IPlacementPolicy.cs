namespace HiveMind.Scheduling;

/// <summary>A node as a policy sees it: what it lends, what of that is free (offers on their way taken off), and how busy the whole machine is (percent).</summary>
public readonly record struct NodeLoad(ResourceVector Total, ResourceVector Free, double CpuPercent)
{
    /// <summary>The fullest of its resources once the request is on it, 0 to 1.</summary>
    public double Fullest(in ResourceVector request)
    {
        var load = Math.Max(Part(Total.MilliCores, Free.MilliCores, request.MilliCores), Part(Total.MemoryMb, Free.MemoryMb, request.MemoryMb));
        return request.Gpus > 0 ? Math.Max(load, Part(Total.Gpus, Free.Gpus, request.Gpus)) : load;
    }

    /// <summary>What its owner seems to use of the cores beside the pool's tasks, 0 to 1: for the score only, never for the capacity.</summary>
    public double OwnersUse => Total.MilliCores <= 0 ? 0 : Math.Max(0, CpuPercent / 100 - (Total.MilliCores - Free.MilliCores) / (double)Total.MilliCores);

    private static double Part(int total, int free, int request) => total <= 0 ? 0 : (total - free + request) / (double)total;
}

/// <summary>
/// Which of the nodes that fit is best: the highest score wins, equal scores go to the lower node id. What is feasible, fits, or is kept
/// for another, and that nodes with GPUs are left to GPU work while others have room, is decided before a policy is asked.
/// </summary>
public interface IPlacementPolicy
{
    /// <summary>As `Scheduling:Policy` calls it.</summary>
    string Name { get; }

    /// <summary>How many fitting nodes are compared: all of a small pool, a sample of a large one, in turn (as kube-scheduler does).</summary>
    int Candidates { get; }

    /// <summary>True: the sample is drawn at random instead of in turn.</summary>
    bool AtRandom { get; }

    double Score(in NodeLoad node, in ResourceVector request);
}
