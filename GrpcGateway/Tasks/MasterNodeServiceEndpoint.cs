using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Faults;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Microsoft.Extensions.Logging;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Tasks, their results and the pool's figures on the wire.</summary>
internal sealed partial class MasterNodeServiceEndpoint(
    IGrainFactory grains, IBooks books, IFiles files, IUnfinishedIndex unfinished, NodeDirectory nodes, HubOptions options, TimeProvider time, Uptime uptime,
    TaskListing listing, PageTokens pages, RecentAnalytics analytics, ILogger<MasterNodeServiceEndpoint> log) : Wire.MasterNodeService.MasterNodeServiceBase
{
    private static readonly WaitReason NotKnownYet = new("UNKNOWN_YET", "The scheduler does not answer right now; the task waits safely.");

    public override async Task<Wire.SubmitTaskResponse> SubmitTask(Wire.SubmitTaskRequest request, ServerCallContext context)
    {
        TaskRules.Check(request, options.Tasks).ThrowIfAny();
        var userId = UserCall.Of(context).Acting.UserId;
        var taskId = TaskIds.New(userId, request.RequestId);
        var task = grains.GetGrain<ITaskGrain>(taskId);
        // A repeated submission is the first one's answer, whatever was spent since.
        var repeated = request.RequestId.Length > 0 && await task.GetSnapshot() is not null;
        if (!repeated) await RequireCredit(userId, context.CancellationToken);
        var payload = await files.Write(request.TaskData.Memory, context.CancellationToken);
        Failpoint.Hit(Failpoints.SubmitAfterFile);
        await task.Submit(TaskMapping.ToSpec(request, userId, payload));
        return new Wire.SubmitTaskResponse { Success = true, Message = "Submitted.", TaskId = taskId };
    }

    public override async Task<Wire.GetTaskStatusResponse> GetTaskStatus(Wire.GetTaskStatusRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        return TaskMapping.ToStatus(task, await ReasonOf(task, context.CancellationToken));
    }

    public override async Task<Wire.CancelTaskResponse> CancelTask(Wire.CancelTaskRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        await grains.GetGrain<ITaskGrain>(task.TaskId).Cancel();
        return new Wire.CancelTaskResponse { Success = true, Message = "Cancelled." };
    }

    public override async Task<Wire.GetTaskResultResponse> GetTaskResult(Wire.GetTaskResultRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        if (!TaskMapping.HasEnded(task.State)) throw HiveMindException.Precondition("TASK_NOT_ENDED", $"The task is {TaskMapping.ToWord(task.State)}.");
        var (result, stderr) = await ResultReader.Read(files, task, context.CancellationToken);
        return TaskMapping.ToResult(task, result, stderr);
    }

    public override async Task<Wire.GetSystemStatsResponse> GetSystemStats(Wire.GetSystemStatsRequest request, ServerCallContext context)
    {
        var now = time.GetUtcNow();
        var counts = await grains.GetGrain<ISchedulerGrain>(Shards.Default).GetCounts();
        var totals = await books.PoolTotals(now.AddHours(-24), context.CancellationToken);
        return new Wire.GetSystemStatsResponse
        {
            Success = true,
            ActiveNodes = (await nodes.Recent(context.CancellationToken)).Count(n => n.Status is "online" or "busy"),
            PendingTasks = counts.Pending,
            RunningTasks = Math.Max(0, await unfinished.Count() - counts.Pending),
            CompletedTasks24H = totals.Completed,
            AverageTaskDuration = totals.MeanSeconds,
            SystemUptime = uptime.Now.TotalSeconds,
        };
    }

    private async Task RequireCredit(string userId, CancellationToken cancel)
    {
        if (!(options.Rewards.RequireBalance ?? options.Auth.Mode == AuthMode.Locked)) return;
        if (await books.Balance(userId, cancel) > 0) return;
        throw HiveMindException.Precondition("INSUFFICIENT_CREDITS", "The balance is used up: lend a machine to earn credits, or ask an admin.");
    }

    /// <summary>The task, if the caller may see it: what does not exist and what is another's look the same.</summary>
    private async Task<TaskSnapshot> Find(string taskId, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var task = TaskIds.IsValid(taskId) ? await grains.GetGrain<ITaskGrain>(taskId).GetSnapshot() : null;
        return task is not null && call.Sees(task.Spec.UserId) ? task : throw HiveMindException.NotFound("task", Text.Shown(taskId));
    }

    private async Task<WaitReason> ReasonOf(TaskSnapshot task, CancellationToken cancel)
    {
        if (task.State == TaskState.Completed) return new WaitReason("", "");
        if (task.State != TaskState.Pending) return new WaitReason(task.Reason, FailureTexts.For(task.Reason));
        try
        {
            return await grains.GetGrain<ISchedulerGrain>(Shards.Default).Explain(task.TaskId).WaitAsync(TimeSpan.FromSeconds(2), time, cancel);
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
