namespace HiveMind.Tasks;

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
