using System.Text.Json;
using Dapper;
using HiveMind.Rewards;
using HiveMind.Tasks;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>
/// Ended tasks into one transaction. What is there already is left alone, so a settlement may come any number of times, in any order, from
/// any silo. With <c>parkBadOnes</c> each stands behind a savepoint and one that cannot be written is kept aside in the same transaction.
/// </summary>
internal sealed class SettlementBatch(SqliteConnection connection, SqliteTransaction transaction, DateTimeOffset now)
{
    private readonly List<(string Account, long Micros)> _balances = [];
    private readonly Dictionary<string, NodeSums> _nodes = [];
    private readonly Dictionary<long, HourSums> _hours = [];

    /// <summary>What of it was new and paid, once written.</summary>
    public long PaidMicros => _nodes.Values.Sum(node => node.Earned);

    public IReadOnlyList<(Settlement Settlement, string Error)> Write(IReadOnlyList<Settlement> batch, bool parkBadOnes)
    {
        var parked = new List<(Settlement, string)>();
        foreach (var settlement in batch)
        {
            if (!parkBadOnes) Keep(settlement, WriteRows(settlement));
            else if (TryWrite(settlement) is { } error) parked.Add((settlement, error));
        }

        LedgerSql.AddToBalances(connection, transaction, _balances);
        WriteNodes();
        WriteHours();
        return parked;
    }

    private string? TryWrite(Settlement settlement)
    {
        const string Savepoint = "one_settlement";
        transaction.Save(Savepoint);
        try
        {
            Keep(settlement, WriteRows(settlement));
            transaction.Release(Savepoint);
            return null;
        }
        catch (Exception e) when (e is not SqliteException { SqliteErrorCode: var code } || SqliteFile.IsRowError(code))
        {
            transaction.Rollback(Savepoint);
            transaction.Release(Savepoint);
            connection.Execute(
                """
                INSERT INTO parked_settlements (task_id, payload, error, at_ms) VALUES (@id, @payload, @error, @at)
                ON CONFLICT (task_id) DO NOTHING
                """,
                new
                {
                    id = settlement.TaskId, payload = JsonSerializer.Serialize(settlement), error = e.Message, at = now.ToUnixTimeMilliseconds(),
                }, transaction);
            return e.Message;
        }
    }

    /// <summary>The rows that make it happen once. Returns what of it is new; nothing is added up before all of it is written.</summary>
    private (bool IsNew, List<AttemptDue> NewDues) WriteRows(Settlement settlement)
    {
        var isNew = InsertHistory(settlement);
        if (isNew && settlement.StderrSize > BlobRef.InlineLimit) NoteStderr(settlement);
        var dues = new List<AttemptDue>();
        foreach (var due in settlement.Dues)
        {
            if (!InsertAttempt(settlement, due)) continue;
            dues.Add(due);
            if (due.Micros == 0) continue;
            EnsureAccounts(due);
            LedgerSql.Post(connection, transaction,
                new Transfer(settlement.TaskId, due.Attempt, "reward", due.PayerId, due.PayeeId, due.Micros, settlement.EndedAt));
        }

        return (isNew, dues);
    }

    private bool InsertHistory(Settlement s) => connection.ExecuteScalar<string?>(
        """
        INSERT INTO task_history (task_id, user_id, task_type, state, reason, created_ms, started_ms, ended_ms, node_id, attempts,
            result_sha256, result_size, run_ms, micros)
        VALUES (@TaskId, @UserId, @TaskType, @State, @Reason, @Created, @Started, @Ended, @NodeId, @Attempts, @ResultSha256, @ResultSize, @RunMs,
            @Micros)
        ON CONFLICT (task_id) DO NOTHING RETURNING task_id
        """,
        new
        {
            s.TaskId, s.UserId, s.TaskType, State = (int)s.State, s.Reason, Created = s.CreatedAt.ToUnixTimeMilliseconds(),
            Started = s.StartedAt?.ToUnixTimeMilliseconds(), Ended = s.EndedAt.ToUnixTimeMilliseconds(), s.NodeId, s.Attempts, s.ResultSha256,
            s.ResultSize, RunMs = RunMs(s), Micros = s.Dues.Sum(due => due.Micros),
        }, transaction) is not null;

    /// <summary>Only where it is a file: few tasks print so many errors, and the others cost nothing.</summary>
    private void NoteStderr(Settlement settlement) => connection.Execute(
        "UPDATE task_history SET stderr_sha256 = @StderrSha256, stderr_size = @StderrSize WHERE task_id = @TaskId",
        new { settlement.StderrSha256, settlement.StderrSize, settlement.TaskId }, transaction);

    private bool InsertAttempt(Settlement settlement, AttemptDue due) => connection.ExecuteScalar<string?>(
        """
        INSERT INTO attempt_history (task_id, attempt, node_id, run_ms, micros) VALUES (@TaskId, @Attempt, @NodeId, @RunMs, @Micros)
        ON CONFLICT (task_id, attempt) DO NOTHING RETURNING task_id
        """, new { settlement.TaskId, due.Attempt, due.NodeId, due.RunMs, due.Micros }, transaction) is not null;

    /// <summary>A posting names an account that exists; the sums follow once for the whole batch.</summary>
    private void EnsureAccounts(AttemptDue due) => connection.Execute(
        "INSERT INTO accounts (account_id, balance_micros) VALUES (@PayerId, 0), (@PayeeId, 0) ON CONFLICT (account_id) DO NOTHING",
        new { due.PayerId, due.PayeeId }, transaction);

    private static long RunMs(Settlement s) => s.Dues.LastOrDefault(d => d.Completed)?.RunMs
        ?? (s.StartedAt is { } started && s.EndedAt > started ? (long)(s.EndedAt - started).TotalMilliseconds : 0);

    private void Keep(Settlement settlement, (bool IsNew, List<AttemptDue> Dues) written)
    {
        foreach (var due in written.Dues)
        {
            if (due.Micros != 0) _balances.AddRange([(due.PayerId, -due.Micros), (due.PayeeId, due.Micros)]);
            var sums = _nodes.GetValueOrDefault(due.NodeId);
            _nodes[due.NodeId] = new(
                sums.Completed + (due.Completed ? 1 : 0), sums.Failed + (due.Completed ? 0 : 1), sums.RunMs + due.RunMs, sums.Earned + due.Micros);
        }

        if (!written.IsNew) return;
        var hour = LedgerSql.Hour(settlement.EndedAt.ToUnixTimeMilliseconds());
        var (completed, failed, runMs) = _hours.GetValueOrDefault(hour);
        _hours[hour] = settlement.State == TaskState.Completed
            ? new(completed + 1, failed, runMs + RunMs(settlement))
            : new(completed, failed + 1, runMs);
    }

    private void WriteNodes()
    {
        foreach (var (id, sums) in _nodes.OrderBy(n => n.Key, StringComparer.Ordinal))
        {
            connection.Execute(
                """
                INSERT INTO node_totals (node_id, completed, failed, run_ms, earned_micros) VALUES (@id, @Completed, @Failed, @RunMs, @Earned)
                ON CONFLICT (node_id) DO UPDATE SET completed = node_totals.completed + excluded.completed,
                    failed = node_totals.failed + excluded.failed, run_ms = node_totals.run_ms + excluded.run_ms,
                    earned_micros = node_totals.earned_micros + excluded.earned_micros
                """, new { id, sums.Completed, sums.Failed, sums.RunMs, sums.Earned }, transaction);
        }
    }

    private void WriteHours()
    {
        foreach (var (hour, sums) in _hours.OrderBy(h => h.Key))
        {
            connection.Execute(
                """
                INSERT INTO hourly_stats (hour, completed, failed, run_ms) VALUES (@hour, @Completed, @Failed, @RunMs)
                ON CONFLICT (hour) DO UPDATE SET completed = hourly_stats.completed + excluded.completed,
                    failed = hourly_stats.failed + excluded.failed, run_ms = hourly_stats.run_ms + excluded.run_ms
                """, new { hour, sums.Completed, sums.Failed, sums.RunMs }, transaction);
        }
    }

    private readonly record struct NodeSums(long Completed, long Failed, long RunMs, long Earned);

    private readonly record struct HourSums(long Completed, long Failed, long RunMs);
}
