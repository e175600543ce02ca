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
        try
        {
            return await grains.GetGrain<ISchedulerGrain>(Shards.Default).Explain(task.TaskId).WaitAsync(Patience, time, cancel);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            ExplainFailed(task.TaskId, e.GetType().Name, e.Message);
            return NotKnownYet;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The scheduler did not say why task {TaskId} waits: {Type} {Text}")]
    private partial void ExplainFailed(string taskId, string type, string text);
}
