using Dapper;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>Micro-credits from payer to payee, as two postings that sum to 0.</summary>
internal sealed record Transfer(string TaskId, int Attempt, string Kind, string PayerId, string PayeeId, long Micros, DateTimeOffset At);

/// <summary>The ledger: every change of a balance is a pair of postings in the same transaction.</summary>
internal static class LedgerSql
{
    public const long HourMs = 3_600_000;

    public static long Hour(long ms) => Math.DivRem(ms, HourMs) is (var quotient, < 0) ? quotient - 1 : ms / HourMs;

    public static void Transfer(SqliteConnection connection, SqliteTransaction transaction, Transfer transfer)
    {
        if (transfer.Micros == 0) return;
        AddToBalances(connection, transaction, [(transfer.PayerId, -transfer.Micros), (transfer.PayeeId, transfer.Micros)]);
        Post(connection, transaction, transfer);
    }

    public static void Post(SqliteConnection connection, SqliteTransaction transaction, Transfer t) => connection.Execute(
        """
        INSERT INTO postings (task_id, attempt, kind, side, account_id, micros, at_ms)
        VALUES (@TaskId, @Attempt, @Kind, -1, @PayerId, @Owed, @AtMs), (@TaskId, @Attempt, @Kind, 1, @PayeeId, @Micros, @AtMs)
        """,
        new { t.TaskId, t.Attempt, t.Kind, t.PayerId, t.PayeeId, t.Micros, Owed = -t.Micros, AtMs = t.At.ToUnixTimeMilliseconds() }, transaction);

    /// <summary>In the order of the account ids, so that two writers of a database with row locks never wait for each other in a circle.</summary>
    public static void AddToBalances(SqliteConnection connection, SqliteTransaction transaction, IEnumerable<(string Account, long Micros)> changes)
    {
        foreach (var account in changes.GroupBy(c => c.Account, c => c.Micros).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            connection.Execute(
                """
                INSERT INTO accounts (account_id, balance_micros) VALUES (@id, @micros)
                ON CONFLICT (account_id) DO UPDATE SET balance_micros = accounts.balance_micros + excluded.balance_micros
                """, new { id = account.Key, micros = account.Sum() }, transaction);
        }
    }
}
