namespace HiveMind.Tasks;

/// <summary>
/// By when a task must have started and ended. The moments are what is shown and asked by; whether one has come is decided by durations, so that
/// no clock that is set ends anything early.
/// </summary>
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

    /// <summary>How long it may wait before it is started, counted from its submit; null: for ever.</summary>
    public static TimeSpan? StartWithin(TaskRecord task) => StartBy(task) - task.CreatedAt;

    /// <summary>What is left of the total timeout at that age; null: there is none.</summary>
    public static TimeSpan? TotalLeft(TaskRecord task, TimeSpan age) => task.Spec!.TotalTimeout > TimeSpan.Zero ? task.Spec.TotalTimeout - age : null;

    /// <summary>What its last attempt may run: the run timeout, or what its grant left of the total timeout.</summary>
    public static TimeSpan RunLimit(TaskRecord task) => TotalLeft(task) is { } left && left < task.Spec!.RunTimeout ? left : task.Spec!.RunTimeout;

    /// <summary>Whether a timeout of its last attempt is the end of the task's whole time.</summary>
    public static bool IsTotal(TaskRecord task, TimeSpan age) => RunLimit(task) < task.Spec!.RunTimeout || TotalLeft(task, age) <= TimeSpan.Zero;

    /// <summary>
    /// How long after its grant its last attempt must be over, fetching the payload and the grace included; null: a record without limits. Where it has a lease of its own its
    /// end may be told that much later: it is what the lease was asked for. Not after its total timeout.
    /// </summary>
    public static TimeSpan? OverdueAfter(TaskRecord task)
    {
        var limit = RunLimit(task);
        if (limit <= TimeSpan.Zero) return null; // from before there were limits
        var whole = TimeSpan.FromSeconds(task.Spec!.FileBytes / SlowestBytesPerSecond) + limit + TaskSpec.KeptFor(task.Spec.Lease);
        return (TotalLeft(task) < whole ? TotalLeft(task)!.Value : whole) + Grace;
    }

    /// <summary>Of the last attempt, as its grant noted it.</summary>
    private static TimeSpan? TotalLeft(TaskRecord task) => task.Attempts[^1] is { TotalLeft.Ticks: > 0 } noted ? noted.TotalLeft : Total(task) - task.Attempts[^1].AssignedAt;
}
