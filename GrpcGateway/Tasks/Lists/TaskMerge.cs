namespace HiveMind.Tasks;

/// <summary>One page out of two windows of the same list. Pure.</summary>
internal static class TaskMerge
{
    /// <summary>
    /// The first so many of both, each once, and below which key the next page begins (null: this was the last). Only what stands above the
    /// end of both windows is certain: the source that looked less far may have something in between.
    /// </summary>
    public static (IReadOnlyList<ListedTask> Tasks, TaskKey? Next) Page(TaskWindow open, TaskWindow history, int size)
    {
        var horizon = Higher(open.ScannedTo, history.ScannedTo);
        var ended = history.Items.Select(task => task.Key.TaskId).ToHashSet(); // both have it: the history is the later word
        var sure = history.Items.Concat(open.Items.Where(task => !ended.Contains(task.Key.TaskId)))
            .Where(task => horizon is not { } end || !task.Key.IsBelow(end))
            .OrderBy(task => task.Key, TaskKey.NewestFirst).ToList();
        return sure.Count > size ? (sure[..size], sure[size - 1].Key) : (sure, horizon);
    }

    private static TaskKey? Higher(TaskKey? one, TaskKey? other) =>
        one is not { } a ? other : other is not { } b || b.IsBelow(a) ? one : other;
}
