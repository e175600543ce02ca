using HiveMind.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Database;

/// <summary>What the process would have ended with.</summary>
internal sealed class SaidFailStop : FailStop
{
    private readonly List<string> _sentences = [];

    public IReadOnlyList<string> Sentences
    {
        get
        {
            lock (_sentences) return [.. _sentences];
        }
    }

    public override void End(string sentence)
    {
        lock (_sentences) _sentences.Add(sentence);
    }
}

/// <summary>A database that is gone, damaged or another's ends the silo, and nothing is acknowledged into it.</summary>
public sealed class LostDatabaseTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly SaidFailStop _said = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("-wal")]
    [InlineData("-shm")]
    public async Task Write_AfterAFileOfTheDatabaseWasDeleted_IsNotAcknowledged(string file)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        using var database = Open();
        await database.AddAccount(Make.Account("before"), 1, null, Make.None);
        Assert.Null(database.Problem());

        File.Delete(_folder.DatabasePath + file);

        Assert.Contains($"{_folder.DatabasePath}{file} was deleted", database.Problem());
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => database.AddAccount(Make.Account("after"), 1, null, Make.None));
        Assert.Equal(FailureKind.Unavailable, failure.Kind);
        Assert.Contains("was deleted", Assert.Single(_said.Sentences));
        Assert.Equal(HealthStatus.Unhealthy, (await new DatabaseHealth(database).Check()).Status);
    }

    [Fact]
    public async Task Write_DeletedWhileItCommits_IsNotAcknowledged()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        using var database = Open();
        await Assert.ThrowsAsync<HiveMindException>(() => database.Within(() => File.Delete(_folder.DatabasePath)));
        Assert.Contains("was deleted", Assert.Single(_said.Sentences));
    }

    [Fact]
    public async Task Write_DatabaseReplacedByACopy_IsNotAcknowledged()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "files are told apart on Linux only");
        using var database = Open();
        File.Copy(_folder.DatabasePath, _folder.DatabasePath + ".copy");
        File.Move(_folder.DatabasePath + ".copy", _folder.DatabasePath, overwrite: true);

        await Assert.ThrowsAsync<HiveMindException>(() => database.NoteStateStore("floor", 1));

        Assert.Contains("was replaced by another", Assert.Single(_said.Sentences));
    }

    [Fact]
    public async Task Write_ManyDatabaseOpenedAndUsed_NoneIsTakenForLost()
    {
        using var one = Open();
        using var two = Open();
        for (var i = 0; i < 20; i++)
        {
            await one.AddAccount(Make.Account($"a{i}"), 1, null, Make.None);
            await two.AddAccount(Make.Account($"b{i}"), 1, null, Make.None);
            using (Open())
            {
                // the last one that closes would remove the log
            }
        }

        Assert.Empty(_said.Sentences);
        Assert.Equal(40, await one.Number("SELECT count(*) FROM users"));
    }

    [Fact]
    public async Task Write_FullFile_IsRolledBackAndGoesOnWithRoom()
    {
        using var database = Open();
        var pages = await database.Number("PRAGMA page_count");
        var settlements = Enumerable.Range(0, 2000).Select(i => Make.Settlement($"task-{i}-{new string('x', 200)}", Make.Due(1, 10))).ToArray();
        var failure = await Assert.ThrowsAsync<HiveMindException>(() => database.SettleWithin(pages, settlements));
        Assert.Equal("BOOKS_UNAVAILABLE", failure.Reason);
        Assert.Empty(_said.Sentences);
        Assert.Equal(0, await database.Number("SELECT count(*) FROM task_history"));

        Assert.Empty(await database.Settle(settlements, Make.None));
        Assert.Equal(20_000, await database.Balance("payee", Make.None));
    }

    [Fact]
    public async Task SettleParked_ErrorThatLiesNotInTheRow_IsSaidAndChangesNothing()
    {
        using var database = Open();
        await database.Change("CREATE TRIGGER no BEFORE INSERT ON attempt_history BEGIN SELECT raise(ABORT, 'not now'); END");
        Assert.Single(await database.Settle([Make.Settlement("t", Make.Due(1, 10))], Make.None));
        await database.Change("DROP TRIGGER no");
        await database.Change("ALTER TABLE attempt_history RENAME TO away");

        await Assert.ThrowsAsync<HiveMindException>(() => database.SettleParked(Make.None));

        await database.Change("ALTER TABLE away RENAME TO attempt_history");
        Assert.Equal(["t"], await database.SettleParked(Make.None));
        Assert.Equal(10, await database.Balance("payee", Make.None));
    }

    [Fact]
    public async Task Settle_ErrorThatLiesNotInTheRow_ParksNothingAndIsTriedAgain()
    {
        using var database = Open();
        await database.Change("ALTER TABLE attempt_history RENAME TO away");
        var settlement = Make.Settlement("t", Make.Due(1, 10));

        await Assert.ThrowsAsync<HiveMindException>(() => database.Settle([settlement], Make.None));
        Assert.Equal(0, await database.Number("SELECT count(*) FROM parked_settlements"));

        await database.Change("ALTER TABLE away RENAME TO attempt_history");
        Assert.Empty(await database.Settle([settlement], Make.None));
        Assert.Equal(10, await database.Balance("payee", Make.None));
        Assert.Empty(_said.Sentences);
    }

    [Theory]
    [InlineData(11, 11, true)]
    [InlineData(26, 26, true)]
    [InlineData(10, 10 | (3 << 8), true)] // write
    [InlineData(10, 10 | (4 << 8), true)] // fsync
    [InlineData(10, 10 | (1 << 8), true)] // read
    [InlineData(10, 10 | (19 << 8), false)] // shared memory, on a full disk
    [InlineData(10, 10 | (15 << 8), false)] // lock
    [InlineData(13, 13, false)] // full
    [InlineData(5, 5, false)] // busy
    [InlineData(8, 8, false)] // read-only
    public void IsBroken_ByCode(int code, int extended, bool isBroken) =>
        Assert.Equal(isBroken, SqliteFile.IsBroken(new SqliteException("x", code, extended)));

    [Fact]
    public async Task Read_DamagedPages_EndsTheSilo()
    {
        using (var database = Open())
        {
            await database.Settle([.. Enumerable.Range(0, 3000).Select(i => Make.Settlement($"t{i}", Make.Due(1, 10)))], Make.None);
        }

        using (var database = Open())
        {
            using (var file = new FileStream(_folder.DatabasePath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
            {
                file.Position = 4096 * 4;
                file.Write(new byte[file.Length - file.Position]);
            }

            await Assert.ThrowsAsync<HiveMindException>(() => database.Number("SELECT count(*) FROM (SELECT * FROM task_history ORDER BY reason)"));
            Assert.Contains("damaged", _said.Sentences[0]);
        }

        var refused = Assert.Throws<StoreRefusedException>(() => Open());
        Assert.Contains("restore it from a backup", refused.Message);
        Assert.DoesNotContain('\n', refused.Message);
    }

    /// <summary>Whatever is broken in the file: it opens, or is refused with a sentence; nothing else comes out.</summary>
    [Fact]
    public async Task Open_BytesChangedAnywhere_IsRefusedWithASentenceOrWorks()
    {
        using (var database = Open()) await database.Settle([.. Enumerable.Range(0, 300).Select(i => Make.Settlement($"t{i}", Make.Due(1, 10)))], Make.None);
        var whole = File.ReadAllBytes(_folder.DatabasePath);
        var random = new Random(7);
        var refusals = 0;
        for (var round = 0; round < 60; round++)
        {
            var bytes = whole.ToArray();
            for (var i = random.Next(1, 65); i > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (round % 5 == 0) bytes = bytes[..random.Next(bytes.Length)];
            File.WriteAllBytes(_folder.DatabasePath, bytes);
            foreach (var rest in new[] { "-wal", "-shm" }) File.Delete(_folder.DatabasePath + rest);
            try
            {
                Open().Dispose();
            }
            catch (StoreRefusedException refused)
            {
                Assert.DoesNotContain('\n', refused.Message);
                refusals++;
            }
        }

        Assert.InRange(refusals, 20, 60);
    }

    [Fact]
    public async Task Parked_CauseIsMended_IsSettledAgainOnce()
    {
        using var database = Open();
        await database.Change("CREATE TRIGGER no BEFORE INSERT ON attempt_history WHEN new.node_id = 'node' BEGIN SELECT raise(ABORT, 'not now'); END");
        Assert.Equal(2, (await database.Settle([Make.Settlement("a", Make.Due(1, 10)), Make.Settlement("b", Make.Due(1, 5))], Make.None)).Count);
        await database.Change("INSERT INTO parked_settlements (task_id, payload, error, at_ms) VALUES ('0', 'no settlement', '', 0)");
        Assert.Empty(await database.SettleParked(Make.None));
        Assert.Equal(HealthStatus.Degraded, (await new DatabaseHealth(database).Check()).Status);
        Assert.Equal(0, await database.Balance("payee", Make.None));

        await database.Change("DROP TRIGGER no");
        Assert.Equal(["a", "b"], await database.SettleParked(Make.None));
        Assert.Empty(await database.SettleParked(Make.None));

        Assert.Equal(15, await database.Balance("payee", Make.None));
        Assert.Equal(0, await database.SumOfPostings(Make.None));
        Assert.Equal("0", await database.Query(c => Dapper.SqlMapper.ExecuteScalar<string>(c, "SELECT group_concat(task_id) FROM parked_settlements")));
        await database.Change("DELETE FROM parked_settlements");
        Assert.Equal(HealthStatus.Healthy, (await new DatabaseHealth(database).Check()).Status);
    }

    [Fact]
    public async Task LedgerSum_SecondLook_ReadsOnlyWhatIsNew()
    {
        using var database = Open();
        var time = new FakeTimeProvider(Make.Now);
        var ledger = new LedgerSum(database.PostingsAfter, time);
        await database.Settle([Make.Settlement("a", Make.Due(1, 10)), Make.Settlement("b", Make.Due(1, 5))], Make.None);
        Assert.Equal((0, 4), (await ledger.Look(Make.None), ledger.LastRead));
        await database.Settle([Make.Settlement("c", Make.Due(1, 1))], Make.None);
        Assert.Equal((0, 2), (await ledger.Look(Make.None), ledger.LastRead));

        await database.Change("UPDATE postings SET micros = micros + 3 WHERE task_id = 'a' AND side = 1");
        Assert.Equal((0, 0), (await ledger.Look(Make.None), ledger.LastRead));
        time.Advance(TimeSpan.FromDays(1));
        Assert.Equal((3, 6), (await ledger.Look(Make.None), ledger.LastRead));
    }

    [Fact]
    public async Task Lease_TakenByAnotherHost_EndsThisSiloAtTheNextRenewal()
    {
        var time = new FakeTimeProvider(Make.Now);
        using var mine = SqliteDatabase.Open(_folder.DatabasePath, time, TimeSpan.FromSeconds(5), _said);
        mine.TakeLease("here");
        using var keeper = new DatabaseLeaseKeeper(mine, _said, time, NullLogger<DatabaseLeaseKeeper>.Instance);
        time.Advance(SqliteDatabase.LeaseTime - TimeSpan.FromSeconds(1));
        Assert.False(mine.LeaseRanOut);
        time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<HiveMindException>(() => mine.NoteStateStore("floor", 1)); // not one write more without the lease
        using var other = SqliteDatabase.Open(_folder.DatabasePath, time, TimeSpan.FromSeconds(5), _said);
        other.TakeLease("there");
        Assert.Empty(_said.Sentences);

        keeper.Renew();

        Assert.Contains("'there'", Assert.Single(_said.Sentences));
    }

    [Fact]
    public async Task Lease_RanOutWhileTheSiloSlept_IsTakenAgainIfNobodyHasIt()
    {
        var time = new FakeTimeProvider(Make.Now);
        using var database = SqliteDatabase.Open(_folder.DatabasePath, time, TimeSpan.FromSeconds(5), _said);
        database.TakeLease();
        using var keeper = new DatabaseLeaseKeeper(database, _said, time, NullLogger<DatabaseLeaseKeeper>.Instance);
        time.Advance(SqliteDatabase.LeaseTime * 2);

        keeper.Renew();

        Assert.Empty(_said.Sentences);
        await database.NoteStateStore("floor", 1);
    }

    [Fact]
    public void Lease_CannotBeRenewedForItsWholeTime_EndsTheSilo()
    {
        var time = new FakeTimeProvider(Make.Now);
        using var database = SqliteDatabase.Open(_folder.DatabasePath, time, TimeSpan.FromMilliseconds(50), _said);
        database.TakeLease();
        using var keeper = new DatabaseLeaseKeeper(database, _said, time, NullLogger<DatabaseLeaseKeeper>.Instance);
        using var other = new SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=false");
        other.Open();
        using var holds = other.BeginTransaction(deferred: false);
        time.Advance(SqliteDatabase.LeaseTime / 2);
        keeper.Renew();
        Assert.Empty(_said.Sentences);
        time.Advance(SqliteDatabase.LeaseTime / 2);
        keeper.Renew();
        Assert.Contains("could not be renewed", Assert.Single(_said.Sentences));
    }

    [Fact]
    public async Task Write_BehindManyWhileTheDatabaseAreLocked_IsAnsweredWithinItsPatience()
    {
        using var database = SqliteDatabase.Open(_folder.DatabasePath, TimeProvider.System, TimeSpan.FromSeconds(2), _said);
        using var other = new SqliteConnection($"Data Source={_folder.DatabasePath};Pooling=false");
        other.Open();
        using var holds = other.BeginTransaction(deferred: false);
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        var writes = Enumerable.Range(0, 30).Select(i => database.AddAccount(Make.Account($"u{i}"), 1, null, Make.None)).ToList();

        foreach (var write in writes) Assert.Equal(FailureKind.Unavailable, (await Assert.ThrowsAsync<HiveMindException>(() => write)).Kind);

        // One after the other they would take a minute; the bound is generous for a busy machine.
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(began), TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    private SqliteDatabase Open() => SqliteDatabase.Open(_folder.DatabasePath, TimeProvider.System, TimeSpan.FromSeconds(5), _said);
}
