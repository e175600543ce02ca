using HiveMind.Nodes;
using HiveMind.Tasks;

namespace HiveMind.Scheduling;

/// <summary>Whom a sweep asks and tells. In the silo: the grains.</summary>
public interface ISweepTargets
{
    Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds);
    /// <summary>Tasks that the scheduler had before this pass began and that the pass did not ask for.</summary>
    Task<IReadOnlyList<string>> TakeUnnamed(int most);
    /// <summary>Out of the scheduler's queue.</summary>
    Task Dequeue(string taskId);
    /// <summary>False while the scheduler reads the index itself.</summary>
    Task<bool> SchedulerIsWhole();
    Task Enqueue(PendingTask task);
    Task<TaskExamination> Examine(string taskId);
    Task<bool> Claim(string nodeId, AttemptClaim claim);
    Task AttemptLost(string taskId, string nodeId, int attempt);
    /// <summary>Wakes the node's grain: one that owes something starts its clock.</summary>
    Task Touch(string nodeId);
}

/// <summary>The grains of one shard.</summary>
internal sealed class GrainSweepTargets(IGrainFactory grains, string shard) : ISweepTargets
{
    private ISchedulerGrain Scheduler => grains.GetGrain<ISchedulerGrain>(shard);

    public Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds) => Scheduler.Missing(taskIds);

    public Task<IReadOnlyList<string>> TakeUnnamed(int most) => Scheduler.TakeUnnamed(most);

    public Task Dequeue(string taskId) => Scheduler.Remove([taskId]);

    public Task<bool> SchedulerIsWhole() => Scheduler.IsWhole();

    public Task Enqueue(PendingTask task) => Scheduler.Enqueue([task]);

    public Task<TaskExamination> Examine(string taskId) => grains.GetGrain<ITaskGrain>(taskId).Examine();

    public Task<bool> Claim(string nodeId, AttemptClaim claim) => grains.GetGrain<INodeGrain>(nodeId).Claim(claim);

    public Task AttemptLost(string taskId, string nodeId, int attempt) =>
        grains.GetGrain<ITaskGrain>(taskId).AttemptLost(nodeId, attempt, Causes.NodeLost, countsAgainstTask: true);

    public Task Touch(string nodeId) => grains.GetGrain<INodeGrain>(nodeId).GetSnapshot();
}
