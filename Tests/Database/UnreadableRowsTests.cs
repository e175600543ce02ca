using Dapper;
using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Data.Sqlite;

namespace HiveMind.Tests.Database;

/// <summary>A row of the database that says what no row says, by somebody's hand or by a later program, fails no page on which it stands.</summary>
public sealed class UnreadableRowsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task EndedRecords_OneCannotBeRead_TheOthersAreFoundAndItIsNotTakenForMissing()
    {
        using var database = _folder.OpenDatabase();
        var tasks = Enumerable.Range(0, 3).Select(i => Ended(TaskIds.New("anna", $"{i}"))).ToList();
        await database.Keep(tasks, Make.None);
        foreach (var damaged in new object[] { "9:later", "1:no base64", "1:" + Convert.ToBase64String([1, 2, 3, 4]), "", new byte[] { 1, 2 }, 7 })
        {
            Execute("UPDATE task_records SET record = @damaged WHERE task_id = @TaskId", new { damaged, tasks[1].TaskId });
            var unreadable = new List<string>();
            var found = await database.FindAll([.. tasks.Select(task => task.TaskId), TaskIds.New("anna", "never")], Make.None, unreadable.Add);
            Assert.Equal(new[] { tasks[0].TaskId, tasks[2].TaskId }.Order(), found.Select(task => task.TaskId).Order());
            Assert.Equal([tasks[1].TaskId], unreadable);
            Assert.Equal("RECORD_UNREADABLE", (await Assert.ThrowsAsync<HiveMindException>(() => database.Find(tasks[1].TaskId, Make.None))).Reason);
        }

        // Those that are born together ask together; the one whose id it was is not born again.
        var lookup = new EndedLookup(database);
        var asked = tasks.Select(task => lookup.Find(task.TaskId)).ToList();
        Assert.Equal("RECORD_UNREADABLE", (await Assert.ThrowsAsync<HiveMindException>(() => asked[1])).Reason);
        Assert.Equal(tasks[0].TaskId, (await asked[0])?.TaskId);
        Assert.Equal(tasks[2].TaskId, (await asked[2])?.TaskId);
    }

    [Theory]
    [InlineData("ended_ms", long.MaxValue)]
    [InlineData("started_ms", long.MinValue)]
    [InlineData("ended_ms", "yesterday")]
    [InlineData("reason", 7)]
    public async Task History_ARowThatCannotBeRead_IsShownInItsPlace(string column, object value)
    {
        using var database = _folder.OpenDatabase();
        var settled = Enumerable.Range(0, 3).Select(i => Make.Settlement($"t{i}")).ToList();
        await database.Settle(settled, Make.None);
        Execute($"UPDATE task_history SET {column} = @value WHERE task_id = @TaskId", new { value, settled[1].TaskId });

        var page = await database.Page(new TaskFilter(), null, 10, Make.None);

        Assert.Equal(settled.Select(one => one.TaskId).Order(), page.Items.Select(task => task.Key.TaskId).Order());
        Assert.Equal(2, page.Items.Count(task => task.State == TaskState.Completed && task.Key.TaskId != "t1"));
        Assert.Equal(value is long, page.Items.Single(task => task.Key.TaskId == settled[1].TaskId).State == TaskStates.Unreadable);
    }

    [Fact]
    public async Task AuditAndAccounts_RowsWithTimesThatAreNone_AreListedWithTheOthers()
    {
        using var database = _folder.OpenDatabase();
        for (var i = 0; i < 3; i++) await database.Note(new(new Actor($"u-{i}"), AuditActions.Login, "s"));
        Execute("UPDATE audit_log SET at_ms = @far WHERE actor = 'u-1'", new { far = long.MaxValue });
        Execute("UPDATE audit_log SET at_ms = 'then' WHERE actor = 'u-2'", null);
        Assert.Equal(3, (await database.Read(new(), null, 10)).Count);

        for (var i = 0; i < 3; i++) await database.AddAccount(Make.Account($"u-{i}", $"name{i}"), 0, null, Make.None);
        Execute("UPDATE users SET created_at = 'long ago', temporary_ms = @far WHERE user_id = 'u-1'", new { far = long.MaxValue });
        Assert.Equal(["name0", "name1", "name2"], (await database.Search(new("", "", null), "", 10, Make.None)).Select(row => row.Account.Username));
    }

    [Fact]
    public async Task ParkedOutputs_OneCannotBeRead_SaysSinceWhenNobodyKnows()
    {
        using var database = _folder.OpenDatabase();
        Execute("INSERT INTO parked_settlements (task_id, payload, error, at_ms) VALUES ('t', '{', 'e', @at), ('s', 'null', 'e', @at + 5)",
            new { at = Make.Now.ToUnixTimeMilliseconds() });
        var since = new List<DateTimeOffset>();
        Assert.Empty(await database.ParkedOutputs(since.Add, Make.None));
        Assert.Equal([Make.Now, Make.Now.AddMilliseconds(5)], since.Order());
    }

    private void Execute(string sql, object? values)
    {
        using var connection = new SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=False");
        connection.Execute(sql, values);
    }

    private static TaskSnapshot Ended(string id) => new()
    {
        TaskId = id, Spec = Cluster.HubFixture.Spec("python"), State = TaskState.Completed, CreatedAt = Make.Now, EndedAt = Make.Now, Result = BlobRef.Empty,
        Stderr = BlobRef.Empty, Attempts = [],
    };
}
