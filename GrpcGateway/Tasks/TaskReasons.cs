using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using Microsoft.Extensions.Logging;

namespace HiveMind.Tasks;

/// <summary>Why a task waits, or how it came to its end.</summary>
internal sealed partial class TaskReasons(IGrainFactory grains, TimeProvider time, ILogger<TaskReasons> log)
{
    private static readonly WaitReason NotKnownYet = new("UNKNOWN_YET", "The scheduler does not answer right now; the task waits safely.");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task<WaitReason> Of(TaskSnapshot task, CancellationToken cancel)
    {
        if (task.State == TaskState.Completed) return new WaitReason("", "");
        if (await Silent(task, cancel) is { } silent) return silent;
        if (task.State != TaskState.Pending) return new WaitReason(task.Reason, FailureTexts.For(task.Reason));
        return await OfWaiting(task.TaskId, cancel) ?? NotKnownYet;
    }

    /// <summary>Of a task that is pending; null when the scheduler does not say it in time.</summary>
    public Task<WaitReason?> OfWaiting(string taskId, CancellationToken cancel) => Asked(taskId, async scheduler => (WaitReason?)await scheduler.Explain(taskId), null, cancel);

    /// <summary>With all that the scheduler knows of it.</summary>
    public async Task<TaskExplanation> Whole(TaskSnapshot task, CancellationToken cancel)
    {
        if (await Silent(task, cancel) is { } silent) return new TaskExplanation(WaitKind.None, silent.Reason, silent.Text);
        if (task.State is TaskState.Assigned or TaskState.Running)
            return new TaskExplanation(WaitKind.None, "RUNNING", $"It does not wait: node '{task.NodeId}' has it.");
        if (task.State == TaskState.Completed) return new TaskExplanation(WaitKind.None, "COMPLETED", "It does not wait: it has completed.");
        if (task.State != TaskState.Pending) return new TaskExplanation(WaitKind.None, task.Reason, FailureTexts.For(task.Reason));
        return await Asked(
            task.TaskId, scheduler => scheduler.ExplainWhole(task.TaskId), new TaskExplanation(WaitKind.Waiting, NotKnownYet.Reason, NotKnownYet.Text), cancel);
    }

    /// <summary>It runs on a machine that is not heard, and is kept for it: only a task with a lease of its own is, so only then is its node asked.</summary>
    private async Task<WaitReason?> Silent(TaskSnapshot task, CancellationToken cancel)
    {
        if (task.Spec.Lease == TimeSpan.Zero || task.NodeId is null || task.State is not (TaskState.Assigned or TaskState.Running)) return null;
        try
        {
            if ((await grains.GetGrain<INodeGrain>(task.NodeId).GetSnapshot().WaitAsync(Patience, time, cancel))?.SilentSince is not { } since) return null;
            var until = since + TaskSpec.KeptFor(task.Spec.Lease);
            return new WaitReason("NODE_SILENT", $"Its machine has been silent since {Rfc3339.Format(since)}; its run is kept until about {Rfc3339.Format(until)}. To give it up sooner, cancel the task or remove the node.");
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ExplainFailed(task.TaskId, e.GetType().Name, e.Message);
            return null;
        }
    }

    private async Task<T> Asked<T>(string taskId, Func<ISchedulerGrain, Task<T>> question, T unknown, CancellationToken cancel)
    {
        try
        {
            return await question(grains.GetGrain<ISchedulerGrain>(Shards.Default)).WaitAsync(Patience, time, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ExplainFailed(taskId, e.GetType().Name, e.Message);
            return unknown;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler did not say why task {TaskId} waits: {Type} {Text}")]
    private partial void ExplainFailed(string taskId, string type, string text);
}
