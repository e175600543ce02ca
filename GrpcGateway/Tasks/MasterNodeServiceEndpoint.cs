using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Microsoft.Extensions.Hosting;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Tasks, their results and the pool's figures on the wire.</summary>
[BindServiceMethod(typeof(SubmitReader), nameof(SubmitReader.Bind))]
internal sealed partial class MasterNodeServiceEndpoint(
    IGrainFactory grains, IPoolDatabase database, IFiles files, IPartialFiles partials, IUnfinishedIndex unfinished, ISettlements settlements,
    NodeDirectory nodes, PayloadUploads uploads, TaskRecords records,
    TaskSubmission submission, BulkSubmission bulk, TaskReasons reasons, WatchSlots watches, DownloadSlots downloads,
    EdgeBudgets budgets, TimeProvider time, Uptime uptime,
    TaskListing listing, PageTokens pages, RecentAnalytics analytics, IHostApplicationLifetime lifetime, IAuditTally audit) : Wire.MasterNodeService.MasterNodeServiceBase
{
    public override async Task<Wire.GetTaskStatusResponse> GetTaskStatus(Wire.GetTaskStatusRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        return TaskMapping.ToStatus(task, await reasons.Of(task, context.CancellationToken));
    }

    public override async Task<Wire.CancelTaskResponse> CancelTask(Wire.CancelTaskRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        if (TaskMapping.HasEnded(task.State) && task.State != TaskState.Cancelled) // its grain may know nothing of it any more
            throw HiveMindException.Precondition("TASK_ALREADY_ENDED", $"The task has already ended ({task.State}).");
        if (task.State != TaskState.Cancelled) await grains.GetGrain<ITaskGrain>(task.TaskId).Cancel();
        return new Wire.CancelTaskResponse { Success = true, Message = "Cancelled." };
    }

    public override async Task<Wire.GetTaskResultResponse> GetTaskResult(Wire.GetTaskResultRequest request, ServerCallContext context)
    {
        var task = await Find(request.TaskId, context);
        RequireEnd(task);
        ResultReader.RequireFits(task);
        await OpenCall.Hold(context, budgets.Answers, ResultReader.Weight(task));
        var (result, stderr) = await ExpiredResults.Told(
            database, task.TaskId, () => ResultReader.Read(files, task, context.CancellationToken), context.CancellationToken);
        return TaskMapping.ToResult(task, result, stderr);
    }

    public override async Task WatchTask(
        Wire.WatchTaskRequest request, IServerStreamWriter<Wire.WatchTaskResponse> responseStream, ServerCallContext context)
    {
        TaskRules.Check(request).ThrowIfAny();
        var task = await Find(request.TaskId, context);
        var call = UserCall.Of(context);
        using var slot = watches.Take(call.Caller.UserId);
        var watch = new TaskWatch(grains.GetGrain<ITaskGrain>(task.TaskId), files, partials, reasons, watches, time);
        // A hub that stops does not wait for those who watch: they go on at another, or here when it is back.
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        await slot.Guard(cancel => ExpiredResults.Told(
            database, task.TaskId, () => watch.Run(task, request, responseStream, cancel), context.CancellationToken), end.Token);
    }

    public override Task<Wire.UploadPayloadResponse> UploadPayload(IAsyncStreamReader<Wire.UploadPayloadRequest> requestStream, ServerCallContext context) =>
        uploads.Take(UserCall.Of(context).Acting, requestStream, context.CancellationToken);

    public override Task<Wire.GetUploadPositionResponse> GetUploadPosition(Wire.GetUploadPositionRequest request, ServerCallContext context) =>
        uploads.Position(UserCall.Of(context).Acting.UserId, request, context.CancellationToken);

    public override async Task DownloadResult(
        Wire.DownloadResultRequest request, IServerStreamWriter<Wire.DownloadResultResponse> responseStream, ServerCallContext context)
    {
        var stream = request.Stream.Length == 0 ? OutputStreams.Stdout : request.Stream;
        if (!OutputStreams.IsKnown(stream)) throw HiveMindException.Invalid("stream", "\"stdout\" or \"stderr\".");
        var task = await Find(request.TaskId, context);
        RequireEnd(task);
        var blob = OutputStreams.Of(task, stream);
        if (request.Offset < 0 || request.Offset > blob.Size) throw HiveMindException.Invalid("offset", $"0 to the size, which is {blob.Size}.");
        using var slot = downloads.Take(UserCall.Of(context).Caller.UserId);
        await using var bytes = await ExpiredResults.Told(database, task.TaskId, () => Task.FromResult(files.OpenRead(blob)), context.CancellationToken);
        await slot.Guard(async cancel =>
        {
            await responseStream.WriteAsync(new() { Header = new() { Size = blob.Size, Sha256 = blob.Sha256 } }, cancel);
            await ByteStreams.Send(bytes, request.Offset, data => new Wire.DownloadResultResponse { Data = data }, responseStream, time, cancel);
        }, context.CancellationToken);
    }

    public override async Task<Wire.GetSystemStatsResponse> GetSystemStats(Wire.GetSystemStatsRequest request, ServerCallContext context)
    {
        var now = time.GetUtcNow();
        var counts = await grains.GetGrain<ISchedulerGrain>(Shards.Default).GetCounts();
        var totals = await database.PoolTotals(now.AddHours(-24), context.CancellationToken);
        return new Wire.GetSystemStatsResponse
        {
            Success = true,
            ActiveNodes = (await nodes.Recent(context.CancellationToken)).Count(n => n.Status is "online" or "busy"),
            PendingTasks = counts.Pending,
            // What has ended stays in the index until it is in the database: while that is away it is neither waiting nor running.
            RunningTasks = Math.Max(0, await unfinished.Count() - counts.Pending - settlements.Open),
            CompletedTasks24H = totals.Completed,
            AverageTaskDuration = totals.MeanSeconds,
            SystemUptime = uptime.Now.TotalSeconds,
        };
    }

    private static void RequireEnd(TaskSnapshot task)
    {
        if (!TaskMapping.HasEnded(task.State)) throw HiveMindException.Precondition("TASK_NOT_ENDED", $"The task is {TaskMapping.ToWord(task.State)}.");
    }

    /// <summary>The task, if the caller may see it: what does not exist and what is another's look the same.</summary>
    private async Task<TaskSnapshot> Find(string taskId, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var task = TaskIds.IsValid(taskId) ? await records.Find(taskId, context.CancellationToken) : null;
        if (task is null || !call.Sees(task.Spec.UserId)) throw HiveMindException.NotFound("task", Text.Shown(taskId));
        if (task.Spec.UserId != call.Acting.UserId) await audit.Note(new(Actor.Of(call.Caller), AuditActions.ActedFor, task.Spec.UserId, After: context.Method));
        return task;
    }
}
