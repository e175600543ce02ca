using SQLitePCL;

namespace HiveMind.Storage;

/// <summary>One connection to the state store's file, for one thread at a time. Bare calls, because every write of live state goes through here.</summary>
internal sealed class StateStoreConnection : IDisposable
{
    private const int PageCache = -16 * 1024; // KiB
    private const int BusyMs = 5000;
    private readonly sqlite3 db;
    private readonly List<StateStoreStatement> statements = [];

    static StateStoreConnection() => Batteries_V2.Init();

    public StateStoreConnection(string path, bool create)
    {
        var flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_NOMUTEX | (create ? raw.SQLITE_OPEN_CREATE : 0);
        var code = raw.sqlite3_open_v2(path, out db, flags, null);
        try
        {
            if (code != raw.SQLITE_OK) throw Error(code);
            _ = raw.sqlite3_extended_result_codes(db, 1);
            _ = raw.sqlite3_busy_timeout(db, BusyMs);
            _ = raw.sqlite3_db_config(db, raw.SQLITE_DBCONFIG_DEFENSIVE, 1, out _);
            _ = raw.sqlite3_db_config(db, raw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, out _);
            // No memory map: a file that is cut or a disk that fails would end the process by a signal. No spilling: a transaction reaches the
            // disk at its commit and nowhere else.
            Execute($"PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA cache_size = {PageCache}; PRAGMA cache_spill = OFF; "
                + "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public int Changes => raw.sqlite3_changes(db);

    public int TotalChanges => raw.sqlite3_total_changes(db);

    public bool IsInTransaction => raw.sqlite3_get_autocommit(db) == 0;

    public StateStoreStatement Prepare(string sql)
    {
        var code = raw.sqlite3_prepare_v2(db, sql, out var statement);
        if (code != raw.SQLITE_OK) throw Error(code);
        var prepared = new StateStoreStatement(this, statement);
        statements.Add(prepared);
        return prepared;
    }

    public void Execute(string sql)
    {
        var code = raw.sqlite3_exec(db, sql);
        if (code != raw.SQLITE_OK) throw Error(code);
    }

    /// <summary>The first column of the first row, as text; empty without a row.</summary>
    public string Ask(string sql)
    {
        var statement = Prepare(sql);
        try
        {
            return statement.Step() ? statement.Text(0) : "";
        }
        finally
        {
            statements.Remove(statement);
            statement.Dispose();
        }
    }

    /// <summary>Frames in the write-ahead log, and how many of them the file itself has now. False: something stood in the way, try again later.</summary>
    public bool TryCheckpoint(bool restart, out int frames, out int moved)
    {
        var code = raw.sqlite3_wal_checkpoint_v2(
            db, "main", restart ? raw.SQLITE_CHECKPOINT_RESTART : raw.SQLITE_CHECKPOINT_PASSIVE, out frames, out moved);
        if (code == raw.SQLITE_OK) return true;
        var error = Error(code);
        return error.IsPassing ? false : throw error;
    }

    public StateStoreError Error(int code)
    {
        var extended = raw.sqlite3_extended_errcode(db);
        return new((extended & 0xff) == (code & 0xff) ? extended : code, raw.sqlite3_errmsg(db).utf8_to_string());
    }

    public void Dispose()
    {
        foreach (var statement in statements) statement.Dispose();
        statements.Clear();
        db?.Dispose();
    }
}

/// <summary>A prepared statement, used again and again: bind, step, read, reset.</summary>
internal sealed class StateStoreStatement(StateStoreConnection connection, sqlite3_stmt statement) : IDisposable
{
    public StateStoreStatement Bind(int at, ReadOnlySpan<byte> value)
    {
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(statement, at, 0) : raw.sqlite3_bind_blob(statement, at, value));
        return this;
    }

    public StateStoreStatement BindOrNull(int at, byte[]? value)
    {
        if (value is not null) return Bind(at, value);
        Check(raw.sqlite3_bind_null(statement, at));
        return this;
    }

    public StateStoreStatement Bind(int at, long value)
    {
        Check(raw.sqlite3_bind_int64(statement, at, value));
        return this;
    }

    /// <summary>Goes to the next row; after the last one, or for what has none, it is ready for the next use.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(statement);
        if (code == raw.SQLITE_ROW) return true;
        if (code == raw.SQLITE_DONE)
        {
            _ = raw.sqlite3_reset(statement);
            return false;
        }

        var error = connection.Error(code);
        _ = raw.sqlite3_reset(statement);
        throw error;
    }

    /// <summary>For what has no rows. How many it changed.</summary>
    public int Run()
    {
        Step();
        return connection.Changes;
    }

    public void Reset() => _ = raw.sqlite3_reset(statement);

    public long Number(int column) => raw.sqlite3_column_int64(statement, column);

    /// <summary>Valid until the next step or reset.</summary>
    public ReadOnlySpan<byte> Bytes(int column) => raw.sqlite3_column_blob(statement, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(statement, column) == raw.SQLITE_NULL;

    public string Text(int column) => raw.sqlite3_column_text(statement, column).utf8_to_string() ?? "";

    public void Dispose() => statement.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw connection.Error(code);
    }
}
