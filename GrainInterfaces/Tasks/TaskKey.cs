namespace HiveMind.Tasks;

/// <summary>
/// Where a task stands in every list: newest first, ids break ties. It never changes in a task's life, so a page that begins below a key
/// neither repeats nor skips, wherever the tasks have moved meanwhile.
/// </summary>
public readonly record struct TaskKey(long CreatedMs, string TaskId)
{
    public static IComparer<TaskKey> NewestFirst { get; } = Comparer<TaskKey>.Create(static (a, b) =>
        a.CreatedMs != b.CreatedMs ? b.CreatedMs.CompareTo(a.CreatedMs) : string.CompareOrdinal(b.TaskId, a.TaskId));

    private static readonly long FirstMs = DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), LastMs = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    /// <summary>A key is stored as a number, which need not be a moment: the nearest that there is.</summary>
    public DateTimeOffset CreatedAt => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(CreatedMs, FirstMs, LastMs));

    /// <summary>Further down the list.</summary>
    public bool IsBelow(TaskKey other) => NewestFirst.Compare(this, other) > 0;
}
