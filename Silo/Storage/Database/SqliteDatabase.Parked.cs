using System.Text.Json;
using Dapper;
using HiveMind.Rewards;

namespace HiveMind.Storage;

/// <summary>Settlements that could not be written: what made them fail may have been mended since, so they are tried again.</summary>
public sealed partial class SqliteDatabase
{
    private const int ParkedPage = 200;

    internal Task<long> ParkedCount(CancellationToken cancel) =>
        _file.Read(c => c.ExecuteScalar<long>("SELECT count(*) FROM (SELECT 1 FROM parked_settlements LIMIT 10000) AS some"), cancel);

    /// <summary>Tries all of them once, in transactions of a bounded size. Returns the tasks that are settled now and out of the park.</summary>
    internal async Task<IReadOnlyList<string>> SettleParked(CancellationToken cancel)
    {
        var settled = new List<string>();
        for (var last = ""; ;)
        {
            var (done, next, paid) = await _file.Write((c, t) =>
            {
                var rows = c.Query<(string TaskId, string Payload)>(
                    "SELECT task_id, payload FROM parked_settlements WHERE task_id > @last ORDER BY task_id LIMIT @ParkedPage", new { last, ParkedPage }, t).AsList();
                var settling = new SettlementBatch(c, t, _time.GetUtcNow());
                var readable = rows.Select(row => Unpark(row.Payload)).OfType<Settlement>().ToList();
                var still = settling.Write(readable, parkBadOnes: true).Select(one => one.Settlement.TaskId).ToHashSet();
                string[] done = [.. readable.Select(one => one.TaskId).Where(id => !still.Contains(id))];
                c.Execute("DELETE FROM parked_settlements WHERE task_id IN @done", new { done }, t);
                return (done, rows.Count < ParkedPage ? null : rows[^1].TaskId, settling.PaidMicros);
            }, cancel);
            DatabaseInstruments.Paid(paid);
            settled.AddRange(done);
            if (next is null) return settled;
            last = next;
        }
    }

    /// <summary>Null where somebody changed it by hand to what is no settlement: it stays until somebody looks.</summary>
    private static Settlement? Unpark(string payload)
    {
        try
        {
            return JsonSerializer.Deserialize<Settlement>(payload);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
