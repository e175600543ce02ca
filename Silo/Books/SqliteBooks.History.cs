using Dapper;
using HiveMind.Tasks;

namespace HiveMind.Storage;

public sealed partial class SqliteBooks : ITaskHistory
{
    /// <summary>So many rows of an index are looked at for one page, however little the filter shows: some milliseconds.</summary>
    internal const int HistoryScanLimit = 10_000;

    public Task<TaskWindow> Page(TaskFilter filter, TaskKey? below, int most, CancellationToken cancel) => _file.Read(c =>
    {
        var unfiltered = filter.States.Count == 0 && filter.TaskType.Length == 0;
        var whose = filter.UserId is null ? "" : "user_id = @UserId AND";
        var shown = (filter.States.Count == 0 ? "" : "AND state IN @States ") + (filter.TaskType.Length == 0 ? "" : "AND task_type = @TaskType");
        // What the filter lets through is looked for in a stretch of bounded length, all of it in the index.
        var stretch = $"""
            SELECT created_ms, task_id, state, task_type FROM task_history
            WHERE {whose} created_ms >= @FromMs AND (created_ms, task_id) < (@BelowMs, @BelowId)
            ORDER BY created_ms DESC, task_id DESC LIMIT @Scan
            """;
        var asked = new
        {
            filter.UserId, filter.TaskType, filter.FromMs, States = filter.States.Select(state => (int)state), BelowMs = below?.CreatedMs ?? long.MaxValue,
            BelowId = below?.TaskId ?? "", Most = most, Scan = unfiltered ? most : HistoryScanLimit, Last = HistoryScanLimit - 1,
        };
        var items = c.Query<HistoryRow>(
            $"""
            SELECT h.task_id AS TaskId, h.user_id AS UserId, h.task_type AS TaskType, h.state AS State, h.reason AS Reason, h.created_ms AS CreatedMs,
                h.started_ms AS StartedMs, h.ended_ms AS EndedMs, h.node_id AS NodeId, h.attempts AS Attempts, h.micros AS Micros
            FROM (
                SELECT created_ms, task_id FROM ({stretch}) AS stretch WHERE 1 = 1 {shown}
                ORDER BY created_ms DESC, task_id DESC LIMIT @Most) AS page
            JOIN task_history AS h ON h.task_id = page.task_id
            ORDER BY page.created_ms DESC, page.task_id DESC
            """, asked).Select(row => row.ToTask()).ToList();
        if (items.Count == most) return new TaskWindow(items, items[^1].Key);
        if (unfiltered) return new TaskWindow(items, null);
        var last = c.QuerySingleOrDefault<HistoryRow>(
            $"SELECT created_ms AS CreatedMs, task_id AS TaskId FROM ({stretch}) AS stretch ORDER BY created_ms DESC, task_id DESC LIMIT 1 OFFSET @Last", asked);
        return new TaskWindow(items, last is null ? null : new TaskKey(last.CreatedMs, last.TaskId));
    }, cancel);

    private sealed class HistoryRow
    {
        public string TaskId { get; init; } = "";
        public string UserId { get; init; } = "";
        public string TaskType { get; init; } = "";
        public long State { get; init; }
        public string Reason { get; init; } = "";
        public long CreatedMs { get; init; }
        public long? StartedMs { get; init; }
        public long EndedMs { get; init; }
        public string? NodeId { get; init; }
        public long Attempts { get; init; }
        public long Micros { get; init; }

        public ListedTask ToTask() => new()
        {
            Key = new TaskKey(CreatedMs, TaskId), UserId = UserId, TaskType = TaskType, State = (TaskState)State, Reason = Reason,
            StartedAt = StartedMs is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null,
            EndedAt = DateTimeOffset.FromUnixTimeMilliseconds(EndedMs), NodeId = NodeId, Attempts = (int)Attempts, CostMicros = Micros,
        };
    }
}
