using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>New tasks, one or many, and the payloads that come before them.</summary>
internal sealed class TaskSubmitHandler(TaskSubmission submission, BulkSubmission bulk, PayloadUploads uploads)
{
    public async Task<Wire.SubmitTaskResponse> One(Wire.SubmitTaskRequest request, ServerCallContext context)
    {
        var taskId = await submission.One(request, UserCall.Of(context).Acting, context.CancellationToken);
        return new Wire.SubmitTaskResponse { Success = true, Message = "Submitted.", TaskId = taskId };
    }

    public Task Many(
        IAsyncStreamReader<Wire.SubmitTasksRequest> requestStream, IServerStreamWriter<Wire.SubmitTasksResponse> responseStream, ServerCallContext context) =>
        bulk.Run(requestStream, responseStream, context);

    public Task<Wire.UploadPayloadResponse> Upload(IAsyncStreamReader<Wire.UploadPayloadRequest> requestStream, ServerCallContext context) =>
        uploads.Take(UserCall.Of(context).Acting, requestStream, context.CancellationToken);

    public Task<Wire.GetUploadPositionResponse> UploadPosition(Wire.GetUploadPositionRequest request, ServerCallContext context) =>
        uploads.Position(UserCall.Of(context).Acting.UserId, request, context.CancellationToken);
}
