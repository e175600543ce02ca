using Dapper;
using HiveMind.Tasks;

namespace HiveMind.Storage;

public sealed partial class SqliteDatabase : ITaskHistory
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
            SELECT h.task_id AS TaskId, CAST(h.user_id AS TEXT) AS UserId, CAST(h.task_type AS TEXT) AS TaskType, CAST(h.state AS INTEGER) AS State,
                CAST(h.reason AS TEXT) AS Reason, CAST(h.created_ms AS INTEGER) AS CreatedMs, CAST(h.started_ms AS INTEGER) AS StartedMs,
                CAST(h.ended_ms AS INTEGER) AS EndedMs, CAST(h.node_id AS TEXT) AS NodeId, CAST(h.attempts AS INTEGER) AS Attempts,
                CAST(h.micros AS INTEGER) AS Micros
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

        private bool CanBeRead => Enum.IsDefined((TaskState)State) && StoredTime.IsOne(CreatedMs) && StoredTime.IsOne(EndedMs) && StoredTime.IsOne(StartedMs ?? 0);

        /// <summary>One that cannot be read is shown as such, in its place.</summary>
        public ListedTask ToTask()
        {
            var key = new TaskKey(CreatedMs, TaskId);
            if (!CanBeRead)
            {
                UnreadableRecords.Meet($"books/task_history/{TaskId}");
                return new() { Key = key, UserId = UserId, TaskType = TaskType, State = TaskStates.Unreadable, Reason = "RECORD_UNREADABLE" };
            }

            return new()
            {
                Key = key, UserId = UserId, TaskType = TaskType, State = (TaskState)State, Reason = Reason,
                StartedAt = StartedMs is { } ms ? StoredTime.Of(ms) : null, EndedAt = StoredTime.Of(EndedMs), NodeId = NodeId, Attempts = (int)Attempts,
                CostMicros = Micros,
            };
        }
    }
}
