using Grpc.Core;
using HiveMind.Auditing;
using HiveMind.Edge;

namespace HiveMind.Tasks;

/// <summary>The tasks that a caller may see.</summary>
internal sealed class VisibleTasks(TaskRecords records, IAuditTally audit)
{
    /// <summary>What does not exist and what is another's look the same. What an admin sees of another's is noted.</summary>
    public async Task<TaskSnapshot> Find(string taskId, ServerCallContext context)
    {
        var call = UserCall.Of(context);
        var task = TaskIds.IsValid(taskId) ? await records.Find(taskId, context.CancellationToken) : null;
        if (task is null || !call.Sees(task.Spec.UserId)) throw HiveMindException.NotFound("task", Text.Shown(taskId));
        if (task.Spec.UserId != call.Acting.UserId) await audit.Note(new(Actor.Of(call.Caller), AuditActions.ActedFor, task.Spec.UserId, After: context.Method));
        return task;
    }
}
