using HiveMind.Rewards;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Database;

public sealed class HistoryTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static string Id(int number) => $"{number * 7919 % 256:x2}{number:x30}";

    /// <summary>Three to a millisecond; every fifth failed, every second is bob's, every seventh is docker's.</summary>
    private static Settlement Ended(int i) => Make.Settlement(Id(i), Make.Due(1, 10), Make.Due(2, 5)) with
    {
        UserId = i % 2 == 0 ? "bob" : "anna", TaskType = i % 7 == 0 ? "docker" : "python", CreatedAt = Make.Now.AddMilliseconds(i / 3),
        State = i % 5 == 0 ? TaskState.Failed : TaskState.Completed,
    };

    private static async Task<List<ListedTask>> All(SqliteDatabase database, TaskFilter filter, int size)
    {
        var all = new List<ListedTask>();
        TaskKey? below = null;
        do
        {
            var window = await database.Page(filter, below, size, Make.None);
            all.AddRange(window.Items);
            below = window.ScannedTo;
        }
        while (below is not null);
        return all;
    }

    [Fact]
    public async Task Page_AnyFilterAndSize_IsTheListOnceNewestFirst()
    {
        using var database = _folder.OpenDatabase();
        Settlement[] ended = [.. Enumerable.Range(0, 200).Select(Ended)];
        await database.Settle(ended, Make.None);
        var from = Make.Now.AddMilliseconds(20).ToUnixTimeMilliseconds();
        TaskFilter[] filters =
        [
            new(), new() { UserId = "bob" }, new() { UserId = "anna", States = [TaskState.Failed, TaskState.Cancelled] },
            new() { TaskType = "docker" }, new() { UserId = "bob", TaskType = "docker", States = [TaskState.Completed], FromMs = from }, new() { UserId = "nobody" },
        ];
        foreach (var filter in filters)
        {
            var expected = ended.Where(s => filter.UserId is null || s.UserId == filter.UserId)
                .Where(s => filter.Shows(s.State) && filter.ShowsType(s.TaskType) && s.CreatedAt.ToUnixTimeMilliseconds() >= filter.FromMs)
                .Select(s => new TaskKey(s.CreatedAt.ToUnixTimeMilliseconds(), s.TaskId)).Order(TaskKey.NewestFirst).ToList();
            foreach (var size in new[] { 1, 7, 500 })
                Assert.Equal(expected, (await All(database, filter, size)).Select(task => task.Key));
        }
    }

    [Fact]
    public async Task Page_AFilterThatShowsLittle_EndsEarlyAndGoesOn()
    {
        using var database = _folder.OpenDatabase();
        var many = SqliteDatabase.HistoryScanLimit + 10;
        foreach (var batch in Enumerable.Range(0, many).Chunk(1000))
            await database.Settle([.. batch.Select(i => Make.Settlement(Id(i)) with { CreatedAt = Make.Now.AddMilliseconds(i), TaskType = i == 3 ? "rare" : "python" })], Make.None);

        var first = await database.Page(new TaskFilter { TaskType = "rare" }, null, 10, Make.None);
        Assert.Empty(first.Items);
        var last = await database.Page(new TaskFilter { TaskType = "rare" }, first.ScannedTo, 10, Make.None);
        Assert.Equal(Id(3), Assert.Single(last.Items).Key.TaskId);
        Assert.Null(last.ScannedTo);
    }

    [Fact]
    public async Task Page_ATask_IsShownAsItWasSettled()
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([Ended(1)], Make.None);
        var task = Assert.Single((await database.Page(new TaskFilter(), null, 10, Make.None)).Items);
        Assert.Equal(("anna", "python", TaskState.Completed, "node", 2, 15L), (task.UserId, task.TaskType, task.State, task.NodeId, task.Attempts, task.CostMicros));
        Assert.Equal((Make.Now.AddMinutes(-1), Make.Now), (task.StartedAt, task.EndedAt));
    }

    [Theory]
    [InlineData("bob")]
    [InlineData(null)]
    public async Task Page_FirstAndLast_AreAStretchOfAnIndex(string? userId)
    {
        using var database = _folder.OpenDatabase();
        await database.Settle([.. Enumerable.Range(0, 50).Select(Ended)], Make.None);
        var plan = await database.Query(c => Dapper.SqlMapper.Query<(long, long, long, string Detail)>(c,
            $"""
            EXPLAIN QUERY PLAN SELECT created_ms, task_id, state, task_type FROM task_history
            WHERE {(userId is null ? "" : "user_id = 'bob' AND")} created_ms >= 0 AND (created_ms, task_id) < (5, 'x')
            ORDER BY created_ms DESC, task_id DESC LIMIT 10
            """).Select(row => row.Detail).ToList());
        Assert.Contains("COVERING INDEX task_history_by_", Assert.Single(plan), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Migration_OfDatabaseWithHistory_AddsUpWhatTasksCost()
    {
        using (var old = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=False"))
        {
            old.Open();
            Migrations.Apply(old, Make.Now, upTo: 1);
            Dapper.SqlMapper.Execute(old, """
                INSERT INTO task_history (task_id, user_id, task_type, state, reason, created_ms, started_ms, ended_ms, node_id, attempts, result_sha256, result_size, run_ms)
                    VALUES ('t1', 'u', 'python', 4, 'COMPLETED', 1, 2, 3, 'n', 2, '', 0, 1), ('t2', 'u', 'python', 4, 'COMPLETED', 1, 2, 3, 'n', 2, '', 0, 1);
                INSERT INTO attempt_history (task_id, attempt, node_id, run_ms, micros)
                    VALUES ('t1', 1, 'n', 1, 5), ('t1', 2, 'n', 1, 10), ('t2', 1, 'n', 1, 5), ('t2', 2, 'n', 1, 10);
                """);
        }

        using var database = _folder.OpenDatabase();
        var tasks = (await database.Page(new TaskFilter(), null, 10, Make.None)).Items;
        Assert.Equal(2, tasks.Count);
        Assert.All(tasks, task => Assert.Equal(15, task.CostMicros));
    }
}
