using System.Diagnostics;
using HiveMind.Protos;

namespace HiveMind.Workers.Attempts;

/// <summary>An attempt in the trace of its task's submit, which came with the assignment. Nothing where nobody listens or it was not traced.</summary>
public static class RunSpan
{
    public const string SourceName = "HiveMind.Worker";
    private static readonly ActivitySource Spans = new(SourceName);

    public static Activity? Start(AttemptKey key, Assignment assignment)
    {
        if (assignment.Traceparent.Length == 0 || !Spans.HasListeners()) return null;
        if (!ActivityContext.TryParse(assignment.Traceparent, null, isRemote: true, out var submit)) return null;
        return Spans.StartActivity("hivemind.task.run", ActivityKind.Consumer, submit)
            ?.SetTag("hivemind.task.id", key.TaskId).SetTag("hivemind.task.type", assignment.TaskType).SetTag("hivemind.attempt", key.Attempt);
    }

    public static void End(Activity? span, TaskReport? report)
    {
        if (span is null) return;
        var cause = report is null ? "DROPPED" : report.ErrorReason.Length > 0 ? report.ErrorReason : report.ExitCode == 0 ? "COMPLETED" : "PROGRAM_FAILED";
        span.SetTag("hivemind.cause", cause);
        if (cause != "COMPLETED") span.SetStatus(ActivityStatusCode.Error, cause);
    }
}
