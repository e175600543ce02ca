using Grpc.Core;
using HiveMind.Edge;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

internal sealed partial class MasterNodeServiceEndpoint
{
    public override async Task<Wire.SubmitTaskResponse> SubmitTask(Wire.SubmitTaskRequest request, ServerCallContext context)
    {
        var taskId = await submission.One(request, UserCall.Of(context).Acting, context.CancellationToken);
        return new Wire.SubmitTaskResponse { Success = true, Message = "Submitted.", TaskId = taskId };
    }

    public override Task SubmitTasks(
        IAsyncStreamReader<Wire.SubmitTasksRequest> requestStream, IServerStreamWriter<Wire.SubmitTasksResponse> responseStream, ServerCallContext context) =>
        bulk.Run(requestStream, responseStream, context);
}
