using System.Collections.Concurrent;
using Dapper;
using Microsoft.Data.Sqlite;

namespace HiveMind.Storage;

/// <summary>
/// One SQLite file: writes on one thread, each an immediate transaction, so that a writer never finds out half-way that another silo was
/// first; reads on a pool of connections that cannot write. A failed connection is thrown away and opened anew.
/// </summary>
internal sealed class SqliteFile : IDisposable
{
    private const int QueueLimit = 10_000;
    private readonly BlockingCollection<Action<SqliteConnection?>> _jobs = new(QueueLimit);
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly SemaphoreSlim _reading = new(8);
    private readonly string _connectionString;
    private readonly int _busyMs;
    private readonly Thread _writer;
    private SqliteConnection? _connection;
    private volatile bool _closed;

    public SqliteFile(string path, TimeSpan busyTimeout)
    {
        Path = path;
        _busyMs = (int)busyTimeout.TotalMilliseconds;
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path, Pooling = false, ForeignKeys = true, DefaultTimeout = Math.Max(1, (int)busyTimeout.TotalSeconds),
        }.ConnectionString;
        _connection = Open();
        _writer = new Thread(RunJobs) { IsBackground = true, Name = "books" };
        _writer.Start();
    }

    public string Path { get; }

    /// <summary>Cancelled only while it still waits: what began is carried through, so that its outcome is known.</summary>
    public Task<T> Write<T>(Func<SqliteConnection, SqliteTransaction, T> work, CancellationToken cancel)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var queued = !_closed && TryAdd(connection =>
        {
            if (cancel.IsCancellationRequested) done.TrySetCanceled(cancel);
            else if (connection is null) done.TrySetException(Closed());
            else
            {
                try
                {
                    done.TrySetResult(Transact(connection, work));
                }
                catch (Exception e)
                {
                    if (e is SqliteException { SqliteErrorCode: var code } && !IsRowError(code)) DropWriter();
                    done.TrySetException(Translate(e));
                }
            }
        });
        return queued ? done.Task : Task.FromException<T>(Closed());
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
        _reading.Dispose();
    }

    private static T Transact<T>(SqliteConnection connection, Func<SqliteConnection, SqliteTransaction, T> work)
    {
        using var transaction = connection.BeginTransaction(deferred: false);
        var result = work(connection, transaction);
        if (transaction.Connection is not null) transaction.Commit();
        return result;
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
                _connection = null; // the job answers that the books are away; the next one tries again
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
            connection.Execute($"PRAGMA busy_timeout = {_busyMs}; PRAGMA synchronous = FULL");
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

    private static HiveMindException Closed() => HiveMindException.Unavailable("BOOKS_UNAVAILABLE", "The books are closed or overloaded.");

    /// <summary>A constraint is the caller's business; every other error of SQLite says that the books are away.</summary>
    private static Exception Translate(Exception e) => e is SqliteException { SqliteErrorCode: var code } && !IsRowError(code)
        ? HiveMindException.Unavailable("BOOKS_UNAVAILABLE", $"The books cannot be used now (SQLite error {code}).")
        : e;

    /// <summary>Errors that lie in what is written and would come again: too big, constraint, mismatch, out of range.</summary>
    public static bool IsRowError(int code) => code is 18 or 19 or 20 or 25;
}
