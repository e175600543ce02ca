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
        if (task.State != TaskState.Pending) return new WaitReason(task.Reason, FailureTexts.For(task.Reason));
        return await Asked(task, scheduler => scheduler.Explain(task.TaskId), NotKnownYet, cancel);
    }

    /// <summary>With all that the scheduler knows of it.</summary>
    public async Task<TaskExplanation> Whole(TaskSnapshot task, CancellationToken cancel)
    {
        if (task.State is TaskState.Assigned or TaskState.Running)
            return new TaskExplanation(WaitKind.None, "RUNNING", $"It does not wait: node '{task.NodeId}' has it.");
        if (task.State == TaskState.Completed) return new TaskExplanation(WaitKind.None, "COMPLETED", "It does not wait: it has completed.");
        if (task.State != TaskState.Pending) return new TaskExplanation(WaitKind.None, task.Reason, FailureTexts.For(task.Reason));
        return await Asked(
            task, scheduler => scheduler.ExplainWhole(task.TaskId), new TaskExplanation(WaitKind.Waiting, NotKnownYet.Reason, NotKnownYet.Text), cancel);
    }

    private async Task<T> Asked<T>(TaskSnapshot task, Func<ISchedulerGrain, Task<T>> question, T unknown, CancellationToken cancel)
    {
        try
        {
            return await question(grains.GetGrain<ISchedulerGrain>(Shards.Default)).WaitAsync(Patience, time, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ExplainFailed(task.TaskId, e.GetType().Name, e.Message);
            return unknown;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler did not say why task {TaskId} waits: {Type} {Text}")]
    private partial void ExplainFailed(string taskId, string type, string text);
}
