using Dapper;
using HiveMind.Auditing;
using HiveMind.Storage;
using HiveMind.Users;
using Microsoft.Data.Sqlite;

namespace HiveMind.Tests.Database;

public sealed class AuditTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SqliteDatabase _database;

    public AuditTests() => _database = _folder.OpenDatabase();

    public void Dispose()
    {
        _database.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task UpdateAccount_EveryChange_SaysWhoFromWhereAndWhatItWas()
    {
        var before = Make.Account("u1", email: "old@example.org") with { DisplayName = "Old" };
        await _database.AddAccount(before, new(0, new Actor("u1", "192.0.2.7")), Make.None);

        await _database.UpdateAccount(before with { Email = "new@example.org", Role = Roles.Admin, PasswordHash = "other", IsActive = false, DisplayName = "New" },
            new Actor("root", "192.0.2.1"), Make.None);

        var rows = await _database.Read(new(Subject: "u1", Actor: "root"), null, 100, Make.None);
        Assert.Equal(
            [
                ("display name", "Old", "New"), ("email", "old@example.org", "new@example.org"), ("password", "", ""),
                ("deactivate", "active", "inactive"), ("role", "user", "admin"),
            ], rows.Select(row => (row.Action, row.Before, row.After)));
        Assert.All(rows, row => Assert.Equal("192.0.2.1", row.Address));
        var made = Assert.Single(await _database.Read(new(Action: AuditActions.Register), null, 100, Make.None));
        Assert.Equal(("u1", "192.0.2.7", "u1"), (made.Actor, made.Address, made.Subject));
    }

    [Fact]
    public async Task Page_AfterPage_ShowsEachRowOnceNewestFirst()
    {
        for (var i = 0; i < 25; i++) await _database.Note(new(new Actor("a" + (i % 2)), "act", $"s{i}"), Make.None);

        var seen = new List<string>();
        for (string? below = null; ;)
        {
            var page = await _database.Read(new(Action: "act"), below, 10, Make.None);
            if (page.Count == 0) break;
            seen.AddRange(page.Select(row => row.Subject));
            below = page[^1].AuditId;
        }

        Assert.Equal(Enumerable.Range(0, 25).Reverse().Select(i => $"s{i}"), seen);
        Assert.Equal(12, (await _database.Read(new(Actor: "a1"), null, 100, Make.None)).Count);
        Assert.Empty(await _database.Read(new(Since: TimeProvider.System.GetUtcNow().AddMinutes(5)), null, 100, Make.None));
        Assert.Equal(25, (await _database.Read(new(Since: TimeProvider.System.GetUtcNow().AddMinutes(-5)), null, 100, Make.None)).Count);
    }

    [Fact]
    public async Task Open_DatabaseOfTheThirdSchema_KeepEveryPostingAndAuditRow()
    {
        var path = Path.Combine(_folder.Path, "older.db");
        using (var old = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            old.Open();
            Migrations.Apply(old, DateTimeOffset.UnixEpoch, upTo: 3);
            old.Execute(
                """
                INSERT INTO accounts (account_id, balance_micros) VALUES ('mint', -5), ('u1', 5);
                INSERT INTO postings (task_id, attempt, kind, side, account_id, micros, at_ms)
                    VALUES ('account:u1', 0, 'starting', -1, 'mint', -5, 1), ('account:u1', 0, 'starting', 1, 'u1', 5, 1);
                INSERT INTO audit_log (audit_id, at_ms, actor, action, subject) VALUES ('0193', 1, 'hub', 'register', 'u1');
                """);
        }

        using var database = SqliteDatabase.Open(path, TimeProvider.System);

        Assert.Equal((0L, 2L), await database.Query(c => (c.ExecuteScalar<long>("SELECT sum(micros) FROM postings"), c.ExecuteScalar<long>("SELECT count(*) FROM postings"))));
        Assert.Equal(("hub", "", 1L), (await database.Read(new(), null, 10, Make.None)).Select(row => (row.Actor, row.Address, row.Times)).Single());
    }
}
