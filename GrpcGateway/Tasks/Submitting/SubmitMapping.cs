using Google.Rpc;
using Grpc.Core;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>What became of one task of a batch, in the words of the status that it would have had alone.</summary>
internal static class SubmitMapping
{
    public static Wire.SubmittedTask ToSubmitted(Submission submission, RpcException? refused)
    {
        if (refused is null) return new Wire.SubmittedTask { TaskId = submission.TaskId, RequestId = submission.Request.RequestId };
        var details = refused.GetRpcStatus();
        return new Wire.SubmittedTask
        {
            Code = (int)refused.StatusCode,
            Reason = details?.GetDetail<ErrorInfo>()?.Reason ?? "",
            Message = refused.Status.Detail,
            Field = details?.GetDetail<BadRequest>()?.FieldViolations.FirstOrDefault()?.Field ?? "",
            RequestId = submission.Request.RequestId,
        };
    }
}
