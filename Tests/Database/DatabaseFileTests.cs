using HiveMind.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Database;

public sealed class DatabaseFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Open_Again_KeepsIdentityAndSchema()
    {
        string id;
        byte[] key;
        using (var first = _folder.OpenDatabase())
        {
            (id, key) = (first.DatabaseId, first.TokenTagKey);
            Assert.Null(first.StateStoreId);
            await first.NoteStateStore("floor", 7);
            await first.NoteStateStore("floor", 3);
        }

        using var second = _folder.OpenDatabase();
        Assert.Equal(id, second.DatabaseId);
        Assert.Equal(key, second.TokenTagKey);
        Assert.Matches("^[0-9a-f]{32}$", id);
        Assert.Equal(("floor", 7), (second.StateStoreId, second.NotedSequence));
        await second.NoteStateStore("other", 1);
        Assert.Equal(("other", 1), (second.StateStoreId, second.NotedSequence));
        Assert.Equal(Migrations.All.Count, await second.Number("SELECT count(*) FROM schema_version"));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_folder.DatabasePath));
    }

    [Fact]
    public async Task Open_TwiceAtOnce_OneIdentity()
    {
        var opened = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(_folder.OpenDatabase)));
        Assert.Single(opened.Select(b => b.DatabaseId).Distinct());
        foreach (var database in opened) database.Dispose();
    }

    [Fact]
    public async Task Open_NewerThanTheCode_IsRefusedInOneLine()
    {
        using (var database = _folder.OpenDatabase()) await database.Change("INSERT INTO schema_version (version, script, applied_ms) VALUES (9999, 'x', 0)");
        var refused = Assert.Throws<StoreRefusedException>(_folder.OpenDatabase);
        Assert.Contains("9999", refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Open_NotSqlite_IsRefusedInOneLine()
    {
        File.WriteAllText(_folder.DatabasePath, string.Concat(Enumerable.Repeat("no database at all\n", 200)));
        Assert.DoesNotContain('\n', Assert.Throws<StoreRefusedException>(_folder.OpenDatabase).Message);
    }

    [Theory]
    [InlineData("Host=db;Username=u;Password=hunter2")]
    [InlineData("Server=db;Password=hunter2")]
    [InlineData("postgres://u:hunter2@db/x")]
    [InlineData("Data Source=:memory:")]
    [InlineData("Data Source=x;Mode=Memory")]
    [InlineData("Nonsense=hunter2")]
    public void FindFile_NoSqliteFile_IsRefusedWithoutTheSecret(string text)
    {
        var refused = Assert.Throws<StoreRefusedException>(() => DatabaseLocation.FindFile(text, _folder.Path));
        Assert.Contains("Books:ConnectionString", refused.Message);
        Assert.DoesNotContain("hunter2", refused.Message);
    }

    [Theory]
    [InlineData(null, "books.db")]
    [InlineData("", "books.db")]
    [InlineData("users.db", "users.db")]
    [InlineData("Data Source=a/b.db", "a/b.db")]
    public void FindFile_File_IsInTheDataDirectory(string? text, string expected) =>
        Assert.Equal(Path.GetFullPath(expected, _folder.Path), DatabaseLocation.FindFile(text, _folder.Path));

    [Fact]
    public void TakeLease_OtherHostAlive_IsRefusedUntilItRanOut()
    {
        var time = new FakeTimeProvider(Make.Now);
        using var one = SqliteDatabase.Open(_folder.DatabasePath, time);
        using var two = SqliteDatabase.Open(_folder.DatabasePath, time);
        using var three = SqliteDatabase.Open(_folder.DatabasePath, time);
        one.TakeLease("here");
        two.TakeLease("here");
        Assert.Contains("'here'", Assert.Throws<StoreRefusedException>(() => three.TakeLease("there")).Message);

        one.ReleaseLease();
        Assert.Throws<StoreRefusedException>(() => three.TakeLease("there"));
        time.Advance(SqliteDatabase.LeaseTime);
        three.TakeLease("there");
        Assert.Throws<StoreRefusedException>(() => two.TakeLease("here"));
    }

    [Fact]
    public async Task Write_FileLockedByAnother_IsUnavailableAndRecovers()
    {
        using var database = SqliteDatabase.Open(_folder.DatabasePath, TimeProvider.System, TimeSpan.FromMilliseconds(200));
        var health = new DatabaseHealth(database);
        using (var other = new SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=false"))
        {
            other.Open();
            using var holds = other.BeginTransaction(deferred: false);
            var failure = await Assert.ThrowsAsync<HiveMindException>(() => database.AddAccount(Make.Account("u"), new(1, HiveMind.Auditing.Actor.Hub), Make.None));
            Assert.Equal((FailureKind.Unavailable, "BOOKS_UNAVAILABLE"), (failure.Kind, failure.Reason));
            Assert.Equal(HealthStatus.Unhealthy, (await health.Check()).Status);
        }

        await database.AddAccount(Make.Account("u"), new(1, HiveMind.Auditing.Actor.Hub), Make.None);
        Assert.Equal(HealthStatus.Healthy, (await health.Check()).Status);
    }

    [Fact]
    public async Task Write_AfterDispose_IsUnavailable()
    {
        var database = _folder.OpenDatabase();
        database.Dispose();
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => database.AddAccount(Make.Account("u"), new(1, HiveMind.Auditing.Actor.Hub), Make.None));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
    }

    [Fact]
    public async Task Settings_OfTheWriter_AreDurable()
    {
        using var database = _folder.OpenDatabase();
        var (journal, synchronous, foreignKeys) = await database.Pragmas();
        Assert.Equal(("wal", 2L, 1L), (journal, synchronous, foreignKeys));
    }
}
