using System.Security.Cryptography;
using Dapper;
using HiveMind.Auditing;
using HiveMind.Faults;
using HiveMind.Rewards;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>
/// The database on SQLite: accounts, ledger, history. Silos of one host may share the file. Opened before the host is built, because a silo
/// must not start on database that do not fit.
/// </summary>
public sealed partial class SqliteDatabase : IPoolDatabase, IGuardedStore, IDisposable
{
    public const string Mint = "mint";
    private const long InspectedBytes = 1L << 30;
    private readonly SqliteFile _file;
    private readonly TimeProvider _time;

    private SqliteDatabase(SqliteFile file, TimeProvider time)
    {
        _file = file;
        _file.Fence = LeaseFence;
        _time = time;
        DatabaseId = Meta("books_id")!;
        TokenTagKey = Convert.FromHexString(Meta("token_tag_key")!);
    }

    /// <summary>128 random bits, made with the database: what the state store remembers it by.</summary>
    public string DatabaseId { get; }

    public byte[] TokenTagKey { get; }

    public string FilePath => _file.Path;

    /// <summary>The state store this database belongs to; null before the first one.</summary>
    public string? StateStoreId => Meta("floor_id");

    /// <summary>The state store's write sequence when last noted: a state store behind it has lost acknowledged writes.</summary>
    public long NotedSequence => long.Parse(Meta("noted_sequence") ?? "0", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Opens, or makes, the database. What cannot be used throws <see cref="StoreRefusedException"/>.</summary>
    public static SqliteDatabase Open(string? connectionString, string dataDirectory, TimeProvider time) =>
        Open(DatabaseLocation.FindFile(connectionString, dataDirectory), time);

    public static SqliteDatabase Open(string path, TimeProvider time) => Open(path, time, TimeSpan.FromSeconds(5));

    // Patience: how long a write waits for others, here or in another process, before it is refused.
    internal static SqliteDatabase Open(string path, TimeProvider time, TimeSpan patience, FailStop? failStop = null)
    {
        SqliteFile? file = null;
        try
        {
            path = Path.GetFullPath(path);
            MakePrivate(path);
            Prepare(path, time, patience);
            file = new SqliteFile(path, patience, failStop);
            return new SqliteDatabase(file, time);
        }
        catch (Exception e) when (e is SqliteException { SqliteErrorCode: 11 or 26 } or InvalidOperationException or NullReferenceException
            or FormatException or InvalidCastException or OverflowException)
        {
            file?.Dispose();
            throw Damaged(path, e.Message, e);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException or HiveMindException)
        {
            file?.Dispose();
            if (DiskError.IsFull(e) || (e is not UnauthorizedAccessException && DiskSpace.HasNoRoom(Path.GetDirectoryName(path)!)))
                throw new StoreAwayException($"The database {path} cannot be opened: their disk is full. Make room there.");
            throw new StoreRefusedException($"The database {path} cannot be opened: {e.Message.ReplaceLineEndings(" ")}", e);
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    public async Task AddAccount(AccountRow account, AccountOpening opening, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(opening.StartingMicros);
        if (account.UserId == Mint) throw HiveMindException.Taken("user_id", $"The id '{Mint}' is the pool's own.");
        await Accounts(account, (connection, transaction) =>
        {
            if (opening.AdminCode.Length > 0) UseAdminCode(connection, transaction, HashCode(opening.AdminCode), account.UserId, opening.By);
            if (opening.RegistrationCode.Length > 0) UseCode(connection, transaction, opening.RegistrationCode, account, opening.By);
            AccountSql.Insert(connection, transaction, account);
            LedgerSql.Transfer(connection, transaction, new Transfer(
                "account:" + account.UserId, 0, "starting", Mint, account.UserId, opening.StartingMicros, _time.GetUtcNow()));
            Audit(connection, transaction, new(opening.By, AuditActions.Register, account.UserId, After: $"{account.Username} ({account.Role})"));
            Failpoint.Hit(Failpoints.RegisterUserBeforeCommit);
            transaction.Commit();
            Failpoint.Hit(Failpoints.RegisterUserAfterCommit);
            return 0;
        }, cancel);
        if (opening.AdminCode.Length > 0) DeleteAdminCodeFile();
    }

    public Task<AccountRow?> FindAccount(string userId, CancellationToken cancel) =>
        _file.Read(c => AccountSql.Find(c, "user_id", userId), cancel);

    public Task<AccountRow?> FindAccountByName(string username, CancellationToken cancel) =>
        _file.Read(c => AccountSql.Find(c, "username_key", AccountSql.Key(username)), cancel);

    public Task UpdateAccount(AccountRow account, Actor by, CancellationToken cancel) => Accounts(account, (connection, transaction) =>
    {
        var before = AccountSql.Find(connection, "user_id", account.UserId) ?? throw HiveMindException.NotFound("user", account.UserId);
        if (IsActiveAdmin(before) && !IsActiveAdmin(account) && AccountSql.OtherActiveAdmins(connection, account.UserId) == 0)
            throw HiveMindException.Precondition("LAST_ADMIN", $"'{account.Username}' is the last active admin: make another one first.");
        AccountSql.Update(connection, transaction, account);
        if (before.IsActive != account.IsActive)
            AccountSql.SetClosing(connection, transaction, account.UserId, account.IsActive ? null : _time.GetUtcNow().ToUnixTimeMilliseconds());
        foreach (var change in AccountAudit.Changes(before, account, by)) Audit(connection, transaction, change);
        return 0;
    }, cancel);

    private static bool IsActiveAdmin(AccountRow account) => account is { IsActive: true, Role: Roles.Admin };

    public Task<long> Balance(string userId, CancellationToken cancel) => _file.Read(
        c => c.ExecuteScalar<long>("SELECT coalesce(sum(balance_micros), 0) FROM accounts WHERE account_id = @userId", new { userId }), cancel);

    public Task<Purse> Purse(string userId, CancellationToken cancel) => _file.Read(c =>
    {
        var (micros, isActive) = c.QuerySingle<(long, long)>(
            """
            SELECT (SELECT coalesce(sum(balance_micros), 0) FROM accounts WHERE account_id = @userId),
                coalesce((SELECT is_active FROM users WHERE user_id = @userId), 1)
            """, new { userId });
        return new Purse(micros, isActive != 0);
    }, cancel);

    public Task<NodeTotals> NodeTotals(string nodeId, CancellationToken cancel) => _file.Read(c =>
    {
        var row = c.QuerySingleOrDefault<(long Completed, long Failed, long RunMs, long Earned)>(
            "SELECT completed, failed, run_ms, earned_micros FROM node_totals WHERE node_id = @nodeId", new { nodeId });
        return new NodeTotals(row.Completed, row.Failed, Mean(row.RunMs, row.Completed + row.Failed), row.Earned);
    }, cancel);

    /// <summary>Whole hours from the statistics, the broken first hour from the history: exact, and as quick with a million tasks.</summary>
    public Task<PoolTotals> PoolTotals(DateTimeOffset since, CancellationToken cancel) => _file.Read(c =>
    {
        var sinceMs = since.ToUnixTimeMilliseconds();
        var (completed, runMs) = c.QuerySingle<(long, long)>(
            $"""
            SELECT coalesce(sum(completed), 0), coalesce(sum(run_ms), 0) FROM (
                SELECT completed, run_ms FROM hourly_stats WHERE hour > @hour
                UNION ALL
                SELECT 1 AS completed, run_ms FROM task_history WHERE ended_ms >= @sinceMs AND ended_ms < @nextMs AND state = {(int)TaskState.Completed}) AS figures
            """,
            new { hour = LedgerSql.Hour(sinceMs), sinceMs, nextMs = (LedgerSql.Hour(sinceMs) + 1) * LedgerSql.HourMs });
        return new PoolTotals(completed, Mean(runMs, completed));
    }, cancel);

    public Task<long> SumOfPostings(CancellationToken cancel) =>
        _file.Read(c => c.ExecuteScalar<long>("SELECT coalesce(sum(micros), 0) FROM postings"), cancel);

    /// <summary>In the order they were written: SQLite numbers its rows so.</summary>
    internal Task<LedgerPiece> PostingsAfter(long row, int most, CancellationToken cancel) => _file.Read(c =>
    {
        var (last, rows, micros) = c.QuerySingle<(long, long, long)>(
            """
            SELECT coalesce(max(id), @row), count(*), coalesce(sum(micros), 0)
            FROM (SELECT rowid AS id, micros FROM postings WHERE rowid > @row ORDER BY rowid LIMIT @most) AS piece
            """, new { row, most });
        return new LedgerPiece(last, rows, micros);
    }, cancel);

    /// <summary>Notes how far that state store is; another state store's id replaces what was noted, the same state store's sequence only grows.</summary>
    public Task NoteStateStore(string stateStoreId, long sequence, CancellationToken cancel = default) => _file.Write((c, t) =>
    {
        var noted = MetaIn(c, t, "floor_id") == stateStoreId ? MetaIn(c, t, "noted_sequence") ?? "0" : "0";
        var next = Math.Max(sequence, long.Parse(noted, System.Globalization.CultureInfo.InvariantCulture));
        SetMeta(c, t, "floor_id", stateStoreId);
        SetMeta(c, t, "noted_sequence", next.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return 0;
    }, cancel);

    /// <summary>Settles in one transaction; what cannot be written is parked in it. Returns the parked ones with what was wrong.</summary>
    internal async Task<IReadOnlyList<(Settlement Settlement, string Error)>> Settle(IReadOnlyList<Settlement> batch, CancellationToken cancel)
    {
        try
        {
            return await Settle(batch, parkBadOnes: false, cancel);
        }
        catch (Exception e) when (e is not (HiveMindException or OperationCanceledException))
        {
            return await Settle(batch, parkBadOnes: true, cancel);
        }
    }

    private async Task<IReadOnlyList<(Settlement Settlement, string Error)>> Settle(IReadOnlyList<Settlement> batch, bool parkBadOnes, CancellationToken cancel)
    {
        var (parked, paidMicros) = await _file.Write((c, t) =>
        {
            var settling = new SettlementBatch(c, t, _time.GetUtcNow());
            return (settling.Write(batch, parkBadOnes), settling.PaidMicros);
        }, cancel);
        DatabaseInstruments.Paid(paidMicros); // only now: the transaction is committed
        return parked;
    }

    /// <summary>A real write and a real read; throws Unavailable when either fails.</summary>
    internal async Task Probe(CancellationToken cancel)
    {
        var at = _time.GetUtcNow().ToString("O");
        await _file.Write((c, t) => { SetMeta(c, t, "probed_at", at); return 0; }, cancel).WaitAsync(TimeSpan.FromSeconds(10), cancel);
        await _file.Read(c => c.ExecuteScalar<string>("SELECT value FROM meta WHERE name = 'probed_at'"), cancel);
    }

    internal Task<T> Query<T>(Func<SqliteConnection, T> query) => _file.Read(query, CancellationToken.None);

    internal Task Change(string sql) => _file.Write((c, t) => c.Execute(sql, transaction: t), CancellationToken.None);

    /// <summary>Something that happens between the beginning of a write and its commit.</summary>
    internal Task Within(Action happens) => _file.Write((c, t) =>
    {
        SetMeta(c, t, "within", "");
        happens();
        return 0;
    }, CancellationToken.None);

    /// <summary>As on a disk with room for so many pages.</summary>
    internal Task SettleWithin(long pages, IReadOnlyList<Settlement> batch) => _file.Write((c, t) =>
    {
        c.Execute($"PRAGMA max_page_count = {pages}", transaction: t);
        return new SettlementBatch(c, t, _time.GetUtcNow()).Write(batch, parkBadOnes: true);
    }, CancellationToken.None);

    /// <summary>What the writer's connection really runs with.</summary>
    internal Task<(string Journal, long Synchronous, long ForeignKeys)> Pragmas() => _file.Write((c, t) => (
        c.ExecuteScalar<string>("PRAGMA journal_mode", transaction: t)!, c.ExecuteScalar<long>("PRAGMA synchronous", transaction: t),
        c.ExecuteScalar<long>("PRAGMA foreign_keys", transaction: t)), CancellationToken.None);

    /// <summary>See <see cref="SqliteFile.Problem"/>.</summary>
    public string? Problem() => _file.Problem();

    /// <summary>Transactions committed by this silo so far.</summary>
    public long Writes => _file.Writes;

    public void Dispose() => _file.Dispose();

    private static double Mean(long runMs, long count) => count == 0 ? 0 : runMs / 1000.0 / count;

    private async Task Accounts(AccountRow account, Func<SqliteConnection, SqliteTransaction, int> work, CancellationToken cancel)
    {
        try
        {
            await _file.Write(work, cancel);
        }
        catch (SqliteException e) when (AccountSql.Conflict(e, account) is { } taken)
        {
            throw taken;
        }
    }

    private string? Meta(string name) => _file.ReadNow(c => MetaIn(c, null, name));

    private static string? MetaIn(SqliteConnection connection, SqliteTransaction? transaction, string name) =>
        connection.ExecuteScalar<string?>("SELECT value FROM meta WHERE name = @name", new { name }, transaction);

    private static void SetMeta(SqliteConnection connection, SqliteTransaction transaction, string name, string value) => connection.Execute(
        "INSERT INTO meta (name, value) VALUES (@name, @value) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        new { name, value }, transaction);

    /// <summary>Password hashes are in it: made readable by its owner only, before SQLite makes it by its own habit.</summary>
    private static void MakePrivate(string path)
    {
        PrivateDirectory.Make(Path.GetDirectoryName(path)!);
        if (OperatingSystem.IsWindows()) return;
        if (File.Exists(path))
        {
            PrivateDirectory.CloseFile(path, "The database");
            return;
        }

        try
        {
            using var made = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
        }
        catch (IOException) when (File.Exists(path))
        {
            // another silo of this host made it at the same moment
        }
    }

    /// <summary>
    /// The whole structure of the file, before anything is built on it: about 0.3 s per 100 MB. Above a gigabyte only what the start itself
    /// reads: there a damaged page is found when it is used, and ends the silo then.
    /// </summary>
    private static void Inspect(SqliteConnection connection, string path)
    {
        if (new FileInfo(path).Length > InspectedBytes) return;
        var found = connection.ExecuteScalar<string>("PRAGMA quick_check(1)");
        if (found != "ok") throw Damaged(path, found ?? "no answer");
    }

    private static StoreRefusedException Damaged(string path, string how, Exception? cause = null) => new(
        $"The database {path} is damaged ({how.ReplaceLineEndings(" ")}): restore it from a backup, together with the state store of the same moment. "
        + "Do not delete it: accounts and credits are nowhere else.", cause);

    private static void Prepare(string path, TimeProvider time, TimeSpan busyTimeout)
    {
        using var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = path, Pooling = false, DefaultTimeout = Math.Max(1, (int)busyTimeout.TotalSeconds),
        }.ConnectionString);
        connection.Open();
        Inspect(connection, path);
        var mode = connection.ExecuteScalar<string>("PRAGMA journal_mode = WAL");
        if (mode != "wal") throw new StoreRefusedException($"The database {path} cannot use a write-ahead log there: put it on a local disk.");
        connection.Execute("PRAGMA synchronous = FULL");
        Migrations.Apply(connection, time.GetUtcNow());
        using var transaction = connection.BeginTransaction(deferred: false);
        foreach (var (name, bytes) in new[] { ("books_id", 16), ("token_tag_key", 32) })
        {
            connection.Execute("INSERT INTO meta (name, value) VALUES (@name, @value) ON CONFLICT (name) DO NOTHING",
                new { name, value = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(bytes)) }, transaction);
        }

        transaction.Commit();
    }
}
