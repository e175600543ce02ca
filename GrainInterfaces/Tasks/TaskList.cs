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

/// <summary>Which tasks a list shows.</summary>
public sealed record TaskFilter
{
    /// <summary>Null: everybody's.</summary>
    public string? UserId { get; init; }
    /// <summary>Empty: all.</summary>
    public IReadOnlyList<TaskState> States { get; init; } = [];
    /// <summary>Empty: all.</summary>
    public string TaskType { get; init; } = "";
    /// <summary>Created then or later, ms since 1970.</summary>
    public long FromMs { get; init; }
    /// <summary>Created before that.</summary>
    public long BeforeMs { get; init; } = long.MaxValue;

    public bool Shows(TaskState state) => States.Count == 0 || States.Contains(state);

    public bool ShowsType(string type) => TaskType.Length == 0 || TaskType == type;
}

/// <summary>A task as a list shows it.</summary>
public sealed record ListedTask
{
    public required TaskKey Key { get; init; }
    public required string UserId { get; init; }
    public required string TaskType { get; init; }
    public required TaskState State { get; init; }
    public string Reason { get; init; } = "";
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    public string? NodeId { get; init; }
    public int Attempts { get; init; }
    public long CostMicros { get; init; }
}

/// <summary>
/// A stretch of one source: what the filter shows, newest first, of all that stands down to <paramref name="ScannedTo"/> (null: down to
/// the source's end). What is below was not looked at.
/// </summary>
public sealed record TaskWindow(IReadOnlyList<ListedTask> Items, TaskKey? ScannedTo)
{
    public static readonly TaskWindow Nothing = new([], null);
}
