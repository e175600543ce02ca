using System.Collections.Concurrent;

namespace HiveMind.Storage;

/// <summary>Connections that only read: each read sees what is committed and nothing else, beside the writer.</summary>
internal sealed class StateStoreReaders(string path, StateStoreFault fault) : IDisposable
{
    private readonly ConcurrentBag<StateStoreReader> idle = [];
    private volatile bool closed;

    /// <summary>On the caller's thread: most reads are one row out of memory.</summary>
    public T Read<T>(Func<StateStoreReader, T> query)
    {
        if (closed || fault.HasHappened) throw StateStoreFailures.Closed();
        StateStoreReader? reader = null;
        try
        {
            reader = idle.TryTake(out var found) ? found : new StateStoreReader(path);
            var result = query(reader);
            idle.Add(reader);
            if (closed) DisposeIdle();
            return result;
        }
        catch (StateStoreError error)
        {
            reader?.Dispose();
            throw fault.Reading(error);
        }
        catch
        {
            reader?.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        closed = true;
        DisposeIdle();
    }

    private void DisposeIdle()
    {
        while (idle.TryTake(out var reader)) reader.Dispose();
    }
}

/// <summary>One of them, with its statements. What it reads it checks.</summary>
internal sealed class StateStoreReader : IDisposable
{
    private const string EntryColumns = "id, task, user, created, record, node, sum";
    private readonly StateStoreConnection connection;
    private readonly StateStoreStatement record, range, entry, scan, mine, open, count;

    public StateStoreReader(string path)
    {
        connection = new StateStoreConnection(path, create: false);
        try
        {
            connection.Execute("PRAGMA query_only = ON; PRAGMA cache_size = -2048");
            record = connection.Prepare("SELECT key, etag, value, sum FROM records WHERE key = ?1");
            range = connection.Prepare("SELECT key, etag, value, sum FROM records WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3");
            entry = connection.Prepare($"SELECT {EntryColumns} FROM unfinished WHERE task = ?1");
            scan = connection.Prepare($"SELECT {EntryColumns} FROM unfinished WHERE id > ?1 ORDER BY id LIMIT ?2");
            mine = connection.Prepare($"SELECT {EntryColumns} FROM unfinished WHERE user = ?1 AND created >= ?2 AND (created, task) < (?3, ?4) "
                + "ORDER BY created DESC, task DESC LIMIT ?5");
            open = connection.Prepare($"SELECT {EntryColumns} FROM unfinished WHERE created >= ?2 AND (created, task) < (?3, ?4) "
                + "ORDER BY created DESC, task DESC LIMIT ?5");
            count = connection.Prepare("SELECT count(*) FROM unfinished");
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public FoundRecord? Find(byte[] key)
    {
        if (!record.Bind(1, key).Step()) return null;
        try
        {
            return Record(record);
        }
        finally
        {
            record.Reset();
        }
    }

    /// <summary>All with keys from the first up to, not including, the last.</summary>
    public List<FoundRecord> Range(byte[] from, byte[] below, int most = int.MaxValue)
    {
        var found = new List<FoundRecord>();
        range.Bind(1, from).Bind(2, below).Bind(3, most);
        while (range.Step()) found.Add(Record(range));
        return found;
    }

    public FoundEntry? FindEntry(byte[] task) => Entries(entry.Bind(1, task), 1) is [var found] ? found : null;

    public long Count()
    {
        count.Step();
        var found = count.Number(0);
        count.Reset();
        return found;
    }

    /// <summary>So many entries after that place, in the order of places.</summary>
    public List<FoundEntry> Scan(long after, int most) => Entries(scan.Bind(1, after).Bind(2, most), most);

    /// <summary>Newest first; of everybody without a user.</summary>
    public List<FoundEntry> Page(byte[]? user, long fromMs, long belowMs, byte[] belowTask, int most)
    {
        var page = user is null ? open : mine.Bind(1, user);
        return Entries(page.Bind(2, fromMs).Bind(3, belowMs).Bind(4, belowTask).Bind(5, most), most);
    }

    public void Dispose() => connection.Dispose();

    private static List<FoundEntry> Entries(StateStoreStatement statement, int most)
    {
        var found = new List<FoundEntry>(Math.Min(most, 1024));
        try
        {
            while (statement.Step()) found.Add(Entry(statement));
            return found;
        }
        finally
        {
            statement.Reset();
        }
    }

    private static FoundRecord Record(StateStoreStatement row)
    {
        if (StateStoreLayout.Sum(row.Bytes(0), row.Bytes(1), row.Bytes(2)) != row.Number(3)) throw Garbled();
        return new(row.Bytes(0).ToArray(), StateStoreChange.Etag(row.Bytes(1)), row.Bytes(2).ToArray());
    }

    private static FoundEntry Entry(StateStoreStatement row)
    {
        if (StateStoreLayout.Sum(row.Bytes(1), row.Bytes(2), row.Number(3), row.Bytes(4), row.Bytes(5)) != row.Number(6)) throw Garbled();
        return new(row.Number(0), row.Bytes(1).ToArray(), row.Bytes(2).ToArray(), row.Number(3), row.Bytes(4).ToArray(),
            row.IsNull(5) ? null : row.Bytes(5).ToArray());
    }

    private static StateStoreError Garbled() => new(SQLitePCL.raw.SQLITE_CORRUPT, "a row is not as it was written");
}

internal readonly record struct FoundRecord(byte[] Key, Guid Etag, byte[] Value);

internal readonly record struct FoundEntry(long Id, byte[] Task, byte[] User, long Created, byte[] Record, byte[]? Node);
