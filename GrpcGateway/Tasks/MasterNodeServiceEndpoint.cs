using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>Tasks, their results and the pool's figures on the wire: which handler answers what.</summary>
[BindServiceMethod(typeof(SubmitReader), nameof(SubmitReader.Bind))]
internal sealed class MasterNodeServiceEndpoint(
    TaskSubmitHandler submit, TaskStatusHandler status, TaskResultHandler results, TaskWatchHandler watch, TaskListHandler lists, TaskCancelHandler cancel,
    PoolStatisticsHandler statistics, AnalyticsHandler analytics) : Wire.MasterNodeService.MasterNodeServiceBase
{
    public override Task<Wire.SubmitTaskResponse> SubmitTask(Wire.SubmitTaskRequest request, ServerCallContext context) => submit.One(request, context);

    public override Task SubmitTasks(
        IAsyncStreamReader<Wire.SubmitTasksRequest> requestStream, IServerStreamWriter<Wire.SubmitTasksResponse> responseStream, ServerCallContext context) =>
        submit.Many(requestStream, responseStream, context);

    public override Task<Wire.UploadPayloadResponse> UploadPayload(IAsyncStreamReader<Wire.UploadPayloadRequest> requestStream, ServerCallContext context) =>
        submit.Upload(requestStream, context);

    public override Task<Wire.GetUploadPositionResponse> GetUploadPosition(Wire.GetUploadPositionRequest request, ServerCallContext context) =>
        submit.UploadPosition(request, context);

    public override Task<Wire.GetTaskStatusResponse> GetTaskStatus(Wire.GetTaskStatusRequest request, ServerCallContext context) => status.Show(request, context);

    public override Task<Wire.ExplainTaskResponse> ExplainTask(Wire.ExplainTaskRequest request, ServerCallContext context) => status.Explain(request, context);

    public override Task<Wire.GetTaskResultResponse> GetTaskResult(Wire.GetTaskResultRequest request, ServerCallContext context) => results.Get(request, context);

    public override Task DownloadResult(
        Wire.DownloadResultRequest request, IServerStreamWriter<Wire.DownloadResultResponse> responseStream, ServerCallContext context) =>
        results.Download(request, responseStream, context);

    public override Task WatchTask(Wire.WatchTaskRequest request, IServerStreamWriter<Wire.WatchTaskResponse> responseStream, ServerCallContext context)
    {
        TaskRules.Check(request).ThrowIfAny();
        return watch.Watch(request, responseStream, context);
    }

    public override Task<Wire.ListTasksResponse> ListTasks(Wire.ListTasksRequest request, ServerCallContext context)
    {
        ListRules.Check(request).ThrowIfAny();
        return lists.List(request, context);
    }

    public override Task<Wire.CancelTaskResponse> CancelTask(Wire.CancelTaskRequest request, ServerCallContext context) => cancel.One(request, context);

    public override Task<Wire.CancelTasksResponse> CancelTasks(Wire.CancelTasksRequest request, ServerCallContext context)
    {
        CancelRules.Check(request).ThrowIfAny();
        return cancel.Many(request, context);
    }

    public override Task<Wire.GetSystemStatsResponse> GetSystemStats(Wire.GetSystemStatsRequest request, ServerCallContext context) => statistics.Show(context);

    public override Task<Wire.GetAnalyticsResponse> GetAnalytics(Wire.GetAnalyticsRequest request, ServerCallContext context) => analytics.Show(request, context);
}
