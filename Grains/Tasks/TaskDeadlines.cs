namespace HiveMind.Tasks;

/// <summary>By when a task must have started and ended, from nothing but its record: every silo says the same, also after a restart.</summary>
public static class TaskDeadlines
{
    /// <summary>What a run may last beyond its limit before the hub ends it. Its worker stops it at the limit, if it works at all.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    /// <summary>A payload comes no slower than that; the time for it is not the program's.</summary>
    private const double SlowestBytesPerSecond = 64 * 1024;

    /// <summary>Until its first grant only: null when there is none, or when it has been started.</summary>
    public static DateTimeOffset? Queue(TaskRecord task) =>
        task.Attempts.Count == 0 && task.Spec!.QueueDeadline > TimeSpan.Zero ? task.CreatedAt + task.Spec.QueueDeadline : null;

    public static DateTimeOffset? Total(TaskRecord task) => task.Spec!.TotalTimeout > TimeSpan.Zero ? task.CreatedAt + task.Spec.TotalTimeout : null;

    /// <summary>From then on it is not to be started any more; null: whenever.</summary>
    public static DateTimeOffset? StartBy(TaskRecord task) => (Queue(task), Total(task)) switch
    {
        ({ } queue, { } total) => queue < total ? queue : total,
        var (queue, total) => queue ?? total,
    };

    /// <summary>What its last attempt may run: the run timeout, or what its grant left of the total timeout.</summary>
    public static TimeSpan RunLimit(TaskRecord task) => Total(task) is { } end && end - task.Attempts[^1].AssignedAt < task.Spec!.RunTimeout
        ? end - task.Attempts[^1].AssignedAt
        : task.Spec!.RunTimeout;

    /// <summary>Whether a timeout of its last attempt is the end of the task's whole time.</summary>
    public static bool IsTotal(TaskRecord task, DateTimeOffset now) => RunLimit(task) < task.Spec!.RunTimeout || now >= Total(task);

    /// <summary>When its last attempt must be over, fetching the payload and the grace included.</summary>
    public static DateTimeOffset OverdueAt(TaskRecord task)
    {
        var limit = RunLimit(task);
        if (limit <= TimeSpan.Zero) return DateTimeOffset.MaxValue; // a record from before there were limits
        var end = task.Attempts[^1].AssignedAt + TimeSpan.FromSeconds(task.Spec!.Payload.Size / SlowestBytesPerSecond) + limit;
        return (Total(task) < end ? Total(task)!.Value : end) + Grace;
    }
}
