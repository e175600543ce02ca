using Dapper;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>The records of ended tasks that leave the state store: kept first, noted when they are gone there.</summary>
public sealed partial class SqliteDatabase : IEndedTasks
{
    public async Task<TaskSnapshot?> Find(string taskId, CancellationToken cancel)
    {
        var isUnreadable = false;
        var found = await FindAll([taskId], cancel, _ => isUnreadable = true);
        return isUnreadable ? throw HiveMindException.Unreadable($"of ended task {taskId}") : found.FirstOrDefault();
    }

    public async Task<IReadOnlyList<TaskSnapshot>> FindAll(IReadOnlyList<string> taskIds, CancellationToken cancel, Action<string> unreadable)
    {
        // A blob too comes as text, and says nothing then.
        var rows = await _file.Read(c => c.Query<(string TaskId, string Record)>(
            "SELECT task_id, CAST(record AS TEXT) FROM task_records WHERE task_id IN @taskIds", new { taskIds }).AsList(), cancel);
        var found = new List<TaskSnapshot>(rows.Count);
        foreach (var (taskId, record) in rows)
        {
            try
            {
                found.Add(EndedRecord.Read(record));
            }
            catch (Exception damaged) when (damaged is InvalidDataException or FormatException or System.Text.Json.JsonException or InvalidOperationException or NotSupportedException)
            {
                UnreadableRecords.Meet($"books/task_records/{taskId}", damaged);
                unreadable(taskId);
            }
        }

        return found;
    }

    /// <summary>Settled tasks that ended by then and whose records are still in the state store, as far as is known; in order, behind that one.</summary>
    internal Task<IReadOnlyList<SettledTask>> StillInStateStore(DateTimeOffset endedBy, SettledTask? after, int most, CancellationToken cancel) =>
        _file.Read<IReadOnlyList<SettledTask>>(c =>
        [
            .. c.Query<(string TaskId, long EndedMs)>(
                """
                SELECT task_id, ended_ms FROM task_history
                WHERE erased_ms IS NULL AND ended_ms <= @by AND (ended_ms, task_id) > (@afterMs, @afterId)
                ORDER BY ended_ms, task_id LIMIT @most
                """,
                new { by = endedBy.ToUnixTimeMilliseconds(), afterMs = after?.EndedMs ?? long.MinValue, afterId = after?.TaskId ?? "", most })
                .Select(row => new SettledTask(row.TaskId, row.EndedMs)),
        ], cancel);

    /// <summary>How many they are in all.</summary>
    internal Task<long> InStateStore() => _file.Read(c => c.ExecuteScalar<long>("SELECT count(*) FROM task_history WHERE erased_ms IS NULL"), CancellationToken.None);

    /// <summary>From here on the database answers for them.</summary>
    internal Task Keep(IReadOnlyList<TaskSnapshot> ended, CancellationToken cancel)
    {
        var rows = ended.Select(task => new { task.TaskId, Record = EndedRecord.Write(task) }).ToList();
        return _file.Write((c, t) => c.Execute(
            "INSERT INTO task_records (task_id, record) VALUES (@TaskId, @Record) ON CONFLICT (task_id) DO NOTHING", rows, t), cancel);
    }

    internal Task NoteErased(IReadOnlyList<string> taskIds, CancellationToken cancel) => _file.Write((c, t) => c.Execute(
        "UPDATE task_history SET erased_ms = @now WHERE task_id IN @taskIds", new { now = _time.GetUtcNow().ToUnixTimeMilliseconds(), taskIds }, t), cancel);
}

/// <summary>A row of the history, in the order of ends.</summary>
internal sealed record SettledTask(string TaskId, long EndedMs);
