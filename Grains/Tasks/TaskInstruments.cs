using System.Diagnostics.Metrics;
using HiveMind.Monitoring;
using static HiveMind.Monitoring.HubTelemetry;

namespace HiveMind.Tasks;

/// <summary>Every step of a task, counted after its commit. Labels are the known types, states and causes: nothing a caller can invent.</summary>
internal static class TaskInstruments
{
    private static readonly string[] AllCauses =
    [
        Causes.Completed, Causes.ProgramFailed, Causes.RunTimeout, Causes.OutOfMemory, Causes.OutOfDisk, Causes.OutputTooLarge, Causes.WorkerFault, Causes.WorkerRefused,
        Causes.NodeLost, Causes.HubAway, Causes.NodeTakenOver, Causes.NodeSuspended, Causes.NodeRemoved, Causes.Drained, Causes.Cancelled, Causes.TotalTimeout,
    ];

    /// <summary>The rest of the causes, which end a task without being an attempt's.</summary>
    private static readonly string[] LimitCauses = [Causes.QueueDeadline, Causes.TotalTimeout, Causes.CrashLimit];

    private static readonly Counter<long> SubmittedTasks =
        Figures.CreateCounter<long>("hivemind.tasks.submitted", "{task}", "Tasks that were accepted and are durable.");
    private static readonly Counter<long> GrantedAttempts =
        Figures.CreateCounter<long>("hivemind.attempts.granted", "{attempt}", "Attempts given to a node.");
    private static readonly Counter<long> StartedAttempts =
        Figures.CreateCounter<long>("hivemind.attempts.started", "{attempt}", "Attempts whose program was heard to run.");
    private static readonly Counter<long> EndedAttempts =
        Figures.CreateCounter<long>("hivemind.attempts.ended", "{attempt}", "Attempts that ended, by cause.");
    private static readonly Counter<long> RetriedTasks =
        Figures.CreateCounter<long>("hivemind.tasks.retried", "{task}", "Attempts after which the task waits again, by cause.");
    private static readonly Counter<long> EndedTasks =
        Figures.CreateCounter<long>("hivemind.tasks.ended", "{task}", "Tasks that ended, by state.");
    private static readonly Counter<long> LimitedTasks =
        Figures.CreateCounter<long>("hivemind.tasks.limited", "{task}", "Tasks that a deadline or the crash limit ended, by cause.");
    private static readonly Counter<long> StaleReports =
        Figures.CreateCounter<long>("hivemind.reports.stale", "{report}", "Reports of attempts that were not the current one any more: refused.");
    private static readonly Histogram<double> WaitTime =
        Figures.CreateHistogram("hivemind.task.wait.duration", "s", "Time from the submit, or from the end of the attempt before, to the grant.", advice: LongTimes);
    private static readonly Histogram<double> RunTime =
        Figures.CreateHistogram("hivemind.task.run.duration", "s", "Time an attempt ran, as it is paid for.", advice: LongTimes);
    private static readonly Histogram<double> WholeTime =
        Figures.CreateHistogram("hivemind.task.duration", "s", "Time from the submit to the task's end.", advice: LongTimes);

    /// <summary>Causes show as 0 before they happen: a rate needs a value from before.</summary>
    public static void Announce()
    {
        foreach (var cause in AllCauses) EndedAttempts.Add(0, Tag("cause", cause));
        foreach (var state in new[] { TaskState.Completed, TaskState.Failed, TaskState.Cancelled, TaskState.TimedOut }) EndedTasks.Add(0, Tag("state", Word(state)));
        foreach (var cause in AllCauses.Except([Causes.Completed, Causes.Cancelled, Causes.TotalTimeout])) RetriedTasks.Add(0, Tag("cause", cause));
        foreach (var cause in LimitCauses) LimitedTasks.Add(0, Tag("cause", cause));
        StaleReports.Add(0);
    }

    public static void Submitted(TaskSpec spec) => SubmittedTasks.Add(1, Type(spec));

    public static void Granted(TaskRecord before, DateTimeOffset now)
    {
        GrantedAttempts.Add(1, Type(before.Spec!));
        WaitTime.Record((now - WaitsSince(before)).TotalSeconds, Type(before.Spec!));
    }

    public static void Started(TaskSpec spec) => StartedAttempts.Add(1, Type(spec));

    /// <summary>The last attempt of the record ended, and with it the task or not.</summary>
    public static void AttemptEnded(TaskRecord after)
    {
        var attempt = after.Attempts[^1];
        EndedAttempts.Add(1, Tag("cause", attempt.Cause));
        if (attempt.RunMs > 0) RunTime.Record(attempt.RunMs / 1000.0, Type(after.Spec!));
        if (!after.IsEnded) RetriedTasks.Add(1, Tag("cause", attempt.Cause));
    }

    public static void Ended(TaskRecord task)
    {
        EndedTasks.Add(1, Tag("state", Word(task.State)));
        if (LimitCauses.Contains(task.Outcome!.Reason)) LimitedTasks.Add(1, Tag("cause", task.Outcome.Reason));
        WholeTime.Record((task.Outcome.EndedAt - task.CreatedAt).TotalSeconds, Type(task.Spec!), Tag("state", Word(task.State)));
    }

    public static void RefusedAsStale() => StaleReports.Add(1);

    /// <summary>From when on a task that waits has been waiting.</summary>
    public static DateTimeOffset WaitsSince(TaskRecord task) => task.Attempts.Count == 0 ? task.CreatedAt : task.Attempts[^1].EndedAt ?? task.CreatedAt;

    private static KeyValuePair<string, object?> Type(TaskSpec spec) => Tag("task_type", spec.TaskType);

    private static string Word(TaskState state) => state switch
    {
        TaskState.Completed => "completed",
        TaskState.Failed => "failed",
        TaskState.Cancelled => "cancelled",
        TaskState.TimedOut => "timed_out",
        _ => "open",
    };
}
