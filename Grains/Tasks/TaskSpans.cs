using System.Diagnostics;
using HiveMind.Monitoring;

namespace HiveMind.Tasks;

/// <summary>
/// The steps of a task that no call carries: they are tied to the trace of its submit by what the task's record keeps of it. Null, and
/// next to nothing done, where nobody traces or the submit was not traced.
/// </summary>
internal static class TaskSpans
{
    /// <summary>From when on it has waited to the grant.</summary>
    public static Activity? Wait(string taskId, TaskRecord task, string nodeId) =>
        Start("hivemind.task.wait", taskId, task, task.AttemptsMade + 1, TaskInstruments.WaitsSince(task))?.SetTag("hivemind.node.id", nodeId);

    /// <summary>The end of an attempt, as the hub takes it in.</summary>
    public static Activity? End(string taskId, TaskRecord task, string cause) =>
        Start("hivemind.task.end", taskId, task, task.AttemptsMade, default)?.SetTag("hivemind.cause", cause);

    private static Activity? Start(string name, string taskId, TaskRecord task, int attempt, DateTimeOffset since)
    {
        if (task.Spec is not { TraceParent.Length: > 0 } spec || !HubTelemetry.Spans.HasListeners()) return null;
        if (!ActivityContext.TryParse(spec.TraceParent, null, isRemote: true, out var submit)) return null;
        return HubTelemetry.Spans.StartActivity(name, ActivityKind.Internal, submit, startTime: since)
            ?.SetTag("hivemind.task.id", taskId).SetTag("hivemind.task.type", spec.TaskType).SetTag("hivemind.attempt", attempt);
    }
}
