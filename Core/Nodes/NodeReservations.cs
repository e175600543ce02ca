using HiveMind.Scheduling;

namespace HiveMind.Nodes;

/// <summary>
/// What a node may carry and what is reserved on it, for whom and for how long: at every instant reserved ≤ capacity, and each task is
/// released once. Sum and list are kept, not computed: they are asked for with every heartbeat and every batch of reports.
/// </summary>
public sealed class NodeReservations
{
    /// <summary>The disk of a node whose owner set no limit.</summary>
    public const int Unlimited = int.MaxValue;

    private readonly Dictionary<string, RunningTask> _reserved = [];
    private readonly Dictionary<string, int> _byUser = [];
    private ResourceRequest _sum = ResourceMath.Nothing;
    private RunningTask[]? _running;

    public ResourceRequest Total { get; private set; } = ResourceMath.Nothing;
    public ResourceRequest Free => Total.Minus(_sum);
    public int Count => _reserved.Count;

    /// <summary>Of them, those of others than that account.</summary>
    public int CountBeside(string userId) => _reserved.Count - _byUser.GetValueOrDefault(userId);

    /// <summary>The same list until something changes.</summary>
    public IReadOnlyList<RunningTask> Running => _running ??= [.. _reserved.Values];

    /// <summary>A node that shrank keeps what it runs and takes nothing new until enough of it has ended.</summary>
    public void Resize(NodeCapabilities capabilities) => Total = TotalOf(capabilities);

    public bool Holds(string taskId) => _reserved.ContainsKey(taskId);

    /// <summary>False when it does not fit or the task is already here.</summary>
    public bool TryReserve(RunningTask run) => run.Resources.Fits(Free) && Hold(run);

    /// <summary>It runs here whether there is room or not: a run is not ended for a sum. False when the task is already here.</summary>
    public bool Hold(RunningTask run)
    {
        if (!_reserved.TryAdd(run.TaskId, run)) return false;
        _sum = _sum.Plus(run.Resources);
        _byUser[run.UserId] = _byUser.GetValueOrDefault(run.UserId) + 1;
        _running = null;
        return true;
    }

    /// <summary>It is known better now when it is over at the latest: it was granted, or its program began.</summary>
    public void SetEnd(string taskId, DateTimeOffset endsBy)
    {
        if (!_reserved.TryGetValue(taskId, out var run) || run.EndsBy == endsBy) return;
        _reserved[taskId] = run with { EndsBy = endsBy };
        _running = null;
    }

    public bool Release(string taskId)
    {
        if (!_reserved.Remove(taskId, out var run)) return false;
        _sum = _sum.Minus(run.Resources);
        if (--_byUser[run.UserId] == 0) _byUser.Remove(run.UserId);
        _running = null;
        return true;
    }

    public static ResourceRequest TotalOf(NodeCapabilities capabilities) =>
        new((int)Math.Min(capabilities.CpuCores * 1000, int.MaxValue), (int)Math.Min(capabilities.MemoryMb, int.MaxValue), capabilities.GpuCount)
        {
            DiskMb = capabilities.DiskMb == 0 ? Unlimited : (int)Math.Min(capabilities.DiskMb, int.MaxValue),
        };
}
