using Grpc.Core;
using HiveMind.Edge;
using HiveMind.Scheduling;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>What has become of a task, and why it waits.</summary>
internal sealed class TaskStatusHandler(VisibleTasks tasks, TaskReasons reasons)
{
    public async Task<Wire.GetTaskStatusResponse> Show(Wire.GetTaskStatusRequest request, ServerCallContext context)
    {
        var task = await tasks.Find(request.TaskId, context);
        return TaskMapping.ToStatus(task, await reasons.Of(task, context.CancellationToken));
    }

    public async Task<Wire.ExplainTaskResponse> Explain(Wire.ExplainTaskRequest request, ServerCallContext context)
    {
        var task = await tasks.Find(request.TaskId, context);
        return ToExplanation(task.State, await reasons.Whole(task, context.CancellationToken));
    }

    private static Wire.ExplainTaskResponse ToExplanation(TaskState state, TaskExplanation why)
    {
        var answer = new Wire.ExplainTaskResponse
        {
            Success = true,
            State = (Wire.TaskState)state,
            Kind = (Wire.WaitKind)why.Kind,
            Reason = why.Reason,
            Text = why.Text,
            OwnAhead = why.OwnAhead,
            AccountsAhead = why.AccountsAhead,
            ExpectedStart = Rfc3339.Format(why.ExpectedStart),
            Basis = why.Basis,
            ReservedNode = why.ReservedNode,
            ReservedFor = why.ReservedFor,
            ReservedBy = Rfc3339.Format(why.ReservedBy),
            NearestNode = why.NearestNode,
            HeldUntil = Rfc3339.Format(why.HeldUntil),
        };
        answer.Lacks.AddRange(why.Lacks);
        return answer;
    }
}
