using Dapper;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>The pool's recent past, by the index of ended tasks: the cost is that of what ended since, however long the history is.</summary>
public sealed partial class SqliteDatabase : IActivity
{
    public Task<IReadOnlyList<EndedSlot>> Ended(DateTimeOffset since, TimeSpan slot, CancellationToken cancel) => _file.Read<IReadOnlyList<EndedSlot>>(c =>
    [
        .. c.Query<SlotRow>(
            $"""
            SELECT ended_ms / @slotMs AS Slot,
                sum(CASE WHEN state = {(int)TaskState.Completed} THEN 1 ELSE 0 END) AS Completed, sum(CASE WHEN state = {(int)TaskState.Failed} THEN 1 ELSE 0 END) AS Failed,
                sum(CASE WHEN state = {(int)TaskState.Cancelled} THEN 1 ELSE 0 END) AS Cancelled, sum(CASE WHEN state = {(int)TaskState.TimedOut} THEN 1 ELSE 0 END) AS TimedOut,
                sum(CASE WHEN started_ms IS NULL THEN 0 ELSE 1 END) AS Started,
                sum(CASE WHEN started_ms > created_ms THEN started_ms - created_ms ELSE 0 END) AS WaitedMs,
                max(CASE WHEN started_ms > created_ms THEN started_ms - created_ms ELSE 0 END) AS LongestWaitMs
            FROM task_history WHERE ended_ms >= @sinceMs GROUP BY ended_ms / @slotMs
            """, new { slotMs = (long)slot.TotalMilliseconds, sinceMs = since.ToUnixTimeMilliseconds() }).Select(row => row.ToSlot()),
    ], cancel);

    public Task<LastEnded?> LastEnded(CancellationToken cancel) => _file.Read(c =>
        c.Query<(long State, long EndedMs)>("SELECT state, ended_ms FROM task_history ORDER BY ended_ms DESC LIMIT 1")
            .Select(row => new LastEnded((TaskState)row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.EndedMs))).FirstOrDefault(), cancel);

    private sealed class SlotRow
    {
        public long Slot { get; init; }
        public long Completed { get; init; }
        public long Failed { get; init; }
        public long Cancelled { get; init; }
        public long TimedOut { get; init; }
        public long Started { get; init; }
        public long WaitedMs { get; init; }
        public long LongestWaitMs { get; init; }

        public EndedSlot ToSlot() => new(Slot, Completed, Failed, Cancelled, TimedOut, Started, WaitedMs, LongestWaitMs);
    }
}
