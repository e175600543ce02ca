using Dapper;
using HiveMind.Tasks;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

public sealed partial class SqliteDatabase
{
    /// <summary>So many tasks are added up at once, the newest: about a second.</summary>
    internal const int AnalyticsLimit = 200_000;

    public Task<TaskAnalytics> Analyse(DateTimeOffset since, CancellationToken cancel) => Analyse(since, AnalyticsLimit, cancel);

    internal Task<TaskAnalytics> Analyse(DateTimeOffset since, int most, CancellationToken cancel) => _file.Read(c =>
    {
        // The task that is one too many says that there are more, and when the figures begin.
        var tooMany = c.ExecuteScalar<long?>(
            "SELECT ended_ms FROM task_history WHERE ended_ms >= @since ORDER BY ended_ms DESC LIMIT 1 OFFSET @most",
            new { since = since.ToUnixTimeMilliseconds(), most });
        var from = tooMany is { } ms ? ms + 1 : since.ToUnixTimeMilliseconds();
        return new TaskAnalytics(DateTimeOffset.FromUnixTimeMilliseconds(from), tooMany is not null, Figures(c, "task_type", from), Figures(c, "node_id", from));
    }, cancel);

    /// <summary>Percentiles by nearest rank: the value at place ⌈n × share⌉ of those that ran, in order.</summary>
    private static List<TaskFigures> Figures(SqliteConnection connection, string by, long from) => connection.Query<FiguresRow>(
        $"""
        WITH ended AS (
            SELECT {by} AS name, state, micros, run_ms, CASE WHEN started_ms > created_ms THEN started_ms - created_ms ELSE 0 END AS wait_ms,
                CASE WHEN started_ms IS NULL THEN 0 ELSE 1 END AS ran
            FROM task_history WHERE ended_ms >= @from AND {by} IS NOT NULL),
        placed AS (
            SELECT name, run_ms, wait_ms, row_number() OVER (PARTITION BY name ORDER BY run_ms) AS run_place,
                row_number() OVER (PARTITION BY name ORDER BY wait_ms) AS wait_place, count(*) OVER (PARTITION BY name) AS many
            FROM ended WHERE ran = 1),
        spread AS (
            SELECT name, avg(1.0 * run_ms) AS run_mean, avg(1.0 * wait_ms) AS wait_mean,
                max(CASE WHEN run_place = (many * 50 + 99) / 100 THEN run_ms END) AS run_p50,
                max(CASE WHEN run_place = (many * 95 + 99) / 100 THEN run_ms END) AS run_p95,
                max(CASE WHEN wait_place = (many * 50 + 99) / 100 THEN wait_ms END) AS wait_p50,
                max(CASE WHEN wait_place = (many * 95 + 99) / 100 THEN wait_ms END) AS wait_p95
            FROM placed GROUP BY name),
        counted AS (
            SELECT name, sum(CASE WHEN state = {(int)TaskState.Completed} THEN 1 ELSE 0 END) AS completed, sum(CASE WHEN state = {(int)TaskState.Completed} THEN 0 ELSE 1 END) AS failed,
                sum(micros) AS micros
            FROM ended GROUP BY name)
        SELECT c.name AS Name, c.completed AS Completed, c.failed AS Failed, c.micros AS Micros,
            coalesce(s.run_mean, 0.0) AS RunMean, coalesce(s.run_p50, 0) AS RunP50, coalesce(s.run_p95, 0) AS RunP95,
            coalesce(s.wait_mean, 0.0) AS WaitMean, coalesce(s.wait_p50, 0) AS WaitP50, coalesce(s.wait_p95, 0) AS WaitP95
        FROM counted AS c LEFT JOIN spread AS s ON s.name = c.name ORDER BY c.name
        """, new { from }).Select(row => row.ToFigures()).ToList();

    private sealed class FiguresRow
    {
        public string Name { get; init; } = "";
        public long Completed { get; init; }
        public long Failed { get; init; }
        public long Micros { get; init; }
        public double RunMean { get; init; }
        public long RunP50 { get; init; }
        public long RunP95 { get; init; }
        public double WaitMean { get; init; }
        public long WaitP50 { get; init; }
        public long WaitP95 { get; init; }

        public TaskFigures ToFigures() => new(
            Name, Completed, Failed, new TimeSpread(RunMean, RunP50, RunP95), new TimeSpread(WaitMean, WaitP50, WaitP95), Micros);
    }
}
