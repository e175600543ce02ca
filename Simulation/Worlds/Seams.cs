using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// Where the world calls the product's rules. A test that plants a defect overrides one of these; what ships has no switch for it.
/// </summary>
internal class Seams
{
    public static readonly Seams None = new();

    public virtual NodeRoom NewRoom() => new();

    /// <summary>Is this the attempt whose word counts now?</summary>
    public virtual bool IsCurrent(TaskRecord task, string nodeId, int attempt) => TaskLifecycle.IsCurrent(task, nodeId, attempt);

    public virtual BackfillRule Backfill => new();
}

/// <summary>A node's reservations: the product's, behind methods that a planted defect may change.</summary>
internal class NodeRoom
{
    protected NodeReservations Kept { get; } = new();

    public ResourceRequest Total => Kept.Total;
    public virtual ResourceRequest Free => Kept.Free;
    public IReadOnlyList<RunningTask> Running => Kept.Running;

    public int CountBeside(string userId) => Kept.CountBeside(userId);


    public void Resize(NodeCapabilities capabilities) => Kept.Resize(capabilities);
    public virtual bool TryReserve(RunningTask run) => Kept.TryReserve(run);
    public bool Hold(RunningTask run) => Kept.Hold(run);
    public bool Holds(string taskId) => Kept.Holds(taskId);
    public void SetEnd(string taskId, DateTimeOffset endsBy) => Kept.SetEnd(taskId, endsBy);
    public virtual bool Release(string taskId) => Kept.Release(taskId);
}
