using Grpc.Core;
using HiveMind.Protos;
using Microsoft.Data.Sqlite;

namespace HiveMind.Benchmarks;

/// <summary>
/// What must hold after whatever happened, asked from outside: every acknowledged task has exactly one end and its attempts are in order; the
/// database has each of them once, pays each attempt at most once and sums to 0.
/// </summary>
internal static class PoolAudit
{
    private const int AskedTogether = 32;

    /// <summary>Over the wire. A sentence for each thing that is wrong; the first hundred.</summary>
    public static async Task<IReadOnlyList<string>> Tasks(MasterNodeService.MasterNodeServiceClient hub, Metadata me, IReadOnlyCollection<string> acknowledged)
    {
        var problems = new List<string>();
        await Parallel.ForEachAsync(acknowledged, new ParallelOptions { MaxDegreeOfParallelism = AskedTogether }, async (id, cancel) =>
        {
            var problem = await Problem(hub, me, id, cancel);
            lock (problems)
                if (problem is not null && problems.Count < 100) problems.Add(problem);
        });
        if (acknowledged.Distinct().Count() != acknowledged.Count) problems.Add("two submissions were acknowledged under one id");
        return problems;
    }

    /// <summary>In the database of a hub, running or not.</summary>
    public static IReadOnlyList<string> Database(string file, IReadOnlyCollection<string> acknowledged)
    {
        using var database = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=false");
        database.Open();
        var problems = new List<string>();
        if (Number("SELECT coalesce(sum(micros), 0) FROM postings") is not 0 and var sum) problems.Add($"the postings sum to {sum}");
        if (Number("SELECT coalesce(sum(balance_micros), 0) FROM accounts") is not 0 and var balances) problems.Add($"the balances sum to {balances}");
        if (Number("SELECT count(*) FROM (SELECT account_id FROM postings GROUP BY account_id EXCEPT SELECT account_id FROM accounts)") is not 0 and var strays)
            problems.Add($"{strays} accounts have postings and no balance");
        if (Number("""
            SELECT count(*) FROM accounts a WHERE balance_micros <> (SELECT coalesce(sum(micros), 0) FROM postings p WHERE p.account_id = a.account_id)
            """) is not 0 and var wrong) problems.Add($"{wrong} balances are not the sum of their postings");
        if (Number("SELECT count(*) FROM (SELECT 1 FROM postings WHERE kind = 'reward' GROUP BY task_id, attempt HAVING count(*) <> 2)") is not 0 and var pairs)
            problems.Add($"{pairs} attempts are paid other than once");
        if (Number("SELECT count(*) FROM parked_settlements") is not 0 and var parked) problems.Add($"{parked} settlements are parked");
        using var find = database.CreateCommand();
        find.CommandText = "SELECT count(*) FROM task_history WHERE task_id = @id";
        var id = find.Parameters.Add("@id", SqliteType.Text);
        var missing = 0;
        foreach (var task in acknowledged)
        {
            id.Value = task;
            if ((long)find.ExecuteScalar()! != 1) missing++;
        }

        if (missing > 0) problems.Add($"{missing} of {acknowledged.Count} acknowledged tasks are not in the database");
        return problems;

        long Number(string sql)
        {
            using var command = database.CreateCommand();
            command.CommandText = sql;
            return (long)command.ExecuteScalar()!;
        }
    }

    private static async Task<string?> Problem(MasterNodeService.MasterNodeServiceClient hub, Metadata me, string id, CancellationToken cancel)
    {
        try
        {
            var task = await hub.GetTaskStatusAsync(new() { TaskId = id }, me, cancellationToken: cancel);
            if (task.Status is not ("completed" or "failed") || task.CompletedAt.Length == 0) return $"task {id} has not ended: {task.State} {task.Reason}";
            var before = "";
            foreach (var (attempt, number) in task.Attempts.Select((attempt, i) => (attempt, i + 1)))
            {
                if (attempt.EndedAt.Length == 0) return $"task {id}: attempt {number} has no end";
                if (string.CompareOrdinal(attempt.AssignedAt, before) < 0) return $"task {id}: attempt {number} began before the one before it ended";
                before = attempt.EndedAt;
            }

            return task.Attempts.Count(attempt => attempt.Cause == "COMPLETED") > 1 ? $"task {id} was completed twice" : null;
        }
        catch (RpcException failed)
        {
            return $"task {id} cannot be read: {failed.StatusCode} {failed.Status.Detail}";
        }
    }
}
