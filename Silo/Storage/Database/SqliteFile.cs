using System.Collections.Concurrent;
using System.Diagnostics;
using Dapper;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>
/// One SQLite file: writes on one thread, each an immediate transaction, so that a writer never finds out half-way that another silo was
/// first; reads on a pool of connections that cannot write. A failed connection is thrown away and opened anew. A file that was deleted or
/// replaced, a disk that failed and damaged content end the process (<see cref="FailStop"/>): what such a file says is not believed again.
/// </summary>
internal sealed class SqliteFile : IDisposable
{
    private const int QueueLimit = 10_000;
    private readonly BlockingCollection<Action<SqliteConnection?>> _jobs = new(QueueLimit);
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly SemaphoreSlim _reading = new(8);
    private readonly string _connectionString;
    private readonly TimeSpan _patience;
    private readonly FailStop _failStop;
    private readonly Thread _writer;
    private readonly SqliteConnection _keeper; // never used: while it is open, nobody removes the log that the others write
    private readonly OpenFileGuard[] _guards;
    private SqliteConnection? _connection;
    private volatile bool _closed;
    private volatile string? _lost;
    private long _writes;

    public SqliteFile(string path, TimeSpan patience, FailStop? failStop = null)
    {
        Path = path;
        _patience = patience;
        _failStop = failStop ?? FailStop.OfProcess;
        // Never made anew: a file that is gone must not become an empty one. One second is the least that waits; see Patience.
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, ForeignKeys = true, DefaultTimeout = 1,
        }.ConnectionString;
        _keeper = Open();
        _keeper.ExecuteScalar<long>("SELECT count(*) FROM sqlite_master"); // now its log and shared memory are open too
        string[] files = [path, path + "-wal", path + "-shm"];
        _guards = [.. files.Select(OpenFileGuard.Watch).OfType<OpenFileGuard>()];
        _connection = Open();
        _writer = new Thread(RunJobs) { IsBackground = true, Name = "books" };
        _writer.Start();
    }

    public string Path { get; }

    /// <summary>Transactions that were committed: whether anything was written since a look before.</summary>
    public long Writes => Interlocked.Read(ref _writes);

    /// <summary>Asked before every write; says why not, or null. Kept here so that the check and the write are on one thread.</summary>
    public Func<HiveMindException?>? Fence { get; set; }

    /// <summary>
    /// Cancelled only while it still waits: what began is carried through, so that its outcome is known. Whoever waits longer than the file's
    /// patience, for others or for another process's lock, is told that the database cannot be used now.
    /// </summary>
    public Task<T> Write<T>(Func<SqliteConnection, SqliteTransaction, T> work, CancellationToken cancel, bool isFenced = true)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var queuedAt = Stopwatch.GetTimestamp();
        var turn = new Turn();
        var patience = new Timer(_ => { if (turn.TryTake()) done.TrySetException(Busy()); }, null, _patience, Timeout.InfiniteTimeSpan);
        var queued = !_closed && TryAdd(connection =>
        {
            patience.Dispose();
            if (!turn.TryTake()) return; // answered while it waited
            if (cancel.IsCancellationRequested) done.TrySetCanceled(cancel);
            else if (connection is null) done.TrySetException(Closed());
            else
            {
                try
                {
                    done.TrySetResult(Transact(connection, _patience - Stopwatch.GetElapsedTime(queuedAt), isFenced, work));
                }
                catch (Exception e)
                {
                    if (e is SqliteException failed && !IsRowError(failed.SqliteErrorCode))
                    {
                        DropWriter();
                        if (IsBroken(failed)) Lose($"The database {Path} failed ({failed.Message.ReplaceLineEndings(" ")}): the disk or the file is damaged.");
                    }

                    done.TrySetException(Translate(e));
                }
            }
        });
        if (queued) return done.Task;
        patience.Dispose();
        return Task.FromException<T>(Closed());
    }

    /// <summary>Null while the files at the path are those that were opened; else the sentence that the process ends with.</summary>
    public string? Problem()
    {
        if (_lost is { } known) return known;
        if (_closed) return null;
        foreach (var guard in _guards)
        {
            if (guard.Problem() is { } problem)
            {
                return $"The database's file {guard.FilePath} {problem} while the hub was running: what is written to it now would be lost. "
                    + "Bring it back or restore a backup before you start again.";
            }
        }

        return null;
    }

    /// <summary>As <see cref="Problem"/>, and ends the process where there is one.</summary>
    public void EndIfLost()
    {
        if (Problem() is { } sentence) Lose(sentence);
    }

    public async Task<T> Read<T>(Func<SqliteConnection, T> query, CancellationToken cancel)
    {
        await _reading.WaitAsync(cancel);
        try
        {
            return await Task.Run(() => ReadNow(query), cancel);
        }
        finally
        {
            _reading.Release();
        }
    }

    public T ReadNow<T>(Func<SqliteConnection, T> query)
    {
        if (_closed) throw Closed();
        SqliteConnection? connection = null;
        try
        {
            if (!_readers.TryTake(out connection))
            {
                connection = Open();
                connection.Execute("PRAGMA query_only = ON");
            }

            var result = query(connection);
            _readers.Add(connection);
            if (_closed) DropReaders();
            return result;
        }
        catch (Exception e)
        {
            connection?.Dispose();
            if (e is SqliteException { SqliteErrorCode: Corrupt or NotADatabase }) Lose($"The database {Path} is damaged ({e.Message.ReplaceLineEndings(" ")}).");
            throw Translate(e);
        }
    }

    public void Dispose()
    {
        if (_closed) return;
        _closed = true;
        _jobs.CompleteAdding();
        _writer.Join();
        DropReaders();
        _keeper.Dispose();
        foreach (var guard in _guards) guard.Dispose();
        _reading.Dispose();
    }

    private T Transact<T>(SqliteConnection connection, TimeSpan patience, bool isFenced, Func<SqliteConnection, SqliteTransaction, T> work)
    {
        RequireOurs();
        if (isFenced && Fence?.Invoke() is { } refusal) throw refusal;
        connection.Execute($"PRAGMA busy_timeout = {Math.Max(1, (int)patience.TotalMilliseconds)}");
        using var transaction = connection.BeginTransaction(deferred: false);
        var result = work(connection, transaction);
        if (transaction.Connection is not null) transaction.Commit();
        RequireOurs(); // nothing is acknowledged that went into a file which nobody will find again
        Interlocked.Increment(ref _writes);
        return result;
    }

    private void RequireOurs()
    {
        if (_lost is null && Problem() is { } sentence) Lose(sentence);
        if (_lost is not null) throw Closed();
    }

    private void Lose(string sentence)
    {
        _lost = sentence;
        _failStop.End(sentence);
    }

    private bool TryAdd(Action<SqliteConnection?> job)
    {
        try
        {
            return _jobs.TryAdd(job);
        }
        catch (InvalidOperationException)
        {
            return false; // closed in between
        }
    }

    private void RunJobs()
    {
        foreach (var job in _jobs.GetConsumingEnumerable())
        {
            try
            {
                _connection ??= Open();
            }
            catch (SqliteException)
            {
                _connection = null; // the job answers that the database is away; the next one tries again
            }

            job(_connection);
        }

        DropWriter();
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            connection.Execute($"PRAGMA busy_timeout = {(int)_patience.TotalMilliseconds}; PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private void DropWriter()
    {
        _connection?.Dispose();
        _connection = null;
    }

    private void DropReaders()
    {
        while (_readers.TryTake(out var reader)) reader.Dispose();
    }

    private static HiveMindException Busy() =>
        HiveMindException.Unavailable("BOOKS_UNAVAILABLE", "The database cannot be used now: another program holds it, or too much waits for it.");

    private static HiveMindException Closed() => HiveMindException.Unavailable("BOOKS_UNAVAILABLE", "The database is closed or overloaded.");

    /// <summary>A constraint is the caller's business; every other error of SQLite says that the database is away.</summary>
    private static Exception Translate(Exception e) => e is SqliteException { SqliteErrorCode: var code } && !IsRowError(code)
        ? HiveMindException.Unavailable("BOOKS_UNAVAILABLE", code == Full ? "The database cannot be used now: their disk is full." : $"The database cannot be used now (SQLite error {code}).")
        : e;

    private const int DiskError = 10, Corrupt = 11, Full = 13, NotADatabase = 26;

    /// <summary>
    /// Errors after which nobody knows what is on disk: damaged content, and a read, write or sync that failed. A full disk, a lock or a file
    /// that is read-only rolls back and is tried again; so are failures of locks and of shared memory, which touch no content.
    /// </summary>
    internal static bool IsBroken(SqliteException e) => e.SqliteErrorCode is Corrupt or NotADatabase
        || (e.SqliteErrorCode == DiskError && (e.SqliteExtendedErrorCode >> 8) is 1 or 2 or 3 or 4 or 5 or 6 or 7 or 32 or 33);

    /// <summary>Errors that lie in what is written and would come again: too big, constraint, mismatch, out of range.</summary>
    public static bool IsRowError(int code) => code is 18 or 19 or 20 or 25;

    /// <summary>Whoever takes it first answers: the writer that begins, or the clock that gives up.</summary>
    private sealed class Turn
    {
        private int _taken;

        public bool TryTake() => Interlocked.Exchange(ref _taken, 1) == 0;
    }
}
