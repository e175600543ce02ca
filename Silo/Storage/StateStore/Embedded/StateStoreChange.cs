namespace HiveMind.Storage;

/// <summary>A row of `records` as the writer needs it to change it.</summary>
internal readonly record struct StoredRecord(long Id, Guid Etag, long Sum);

/// <summary>A row of `unfinished`.</summary>
internal sealed record StoredEntry(long Id, byte[] User, long Created, byte[] Record, byte[]? Node, long Sum);

/// <summary>
/// What the writer's thread can change inside a transaction, with the stamp kept in step. A job checks first and changes then: one that
/// gives up after its first change takes the whole transaction with it.
/// </summary>
internal sealed class StateStoreChange
{
    private readonly StateStoreConnection connection;
    private readonly StateStoreStatement findRecord, addRecord, setRecord, removeRecord, findEntry, addEntry, setEntry, removeEntry, stamp;
    private StateStoreStamp committed, current;

    public StateStoreChange(StateStoreConnection connection, StateStoreStamp stamp)
    {
        this.connection = connection;
        committed = current = stamp;
        findRecord = connection.Prepare("SELECT id, etag, sum FROM records WHERE key = ?1");
        addRecord = connection.Prepare("INSERT INTO records (key, etag, value, sum) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING");
        setRecord = connection.Prepare("UPDATE records SET etag = ?2, value = ?3, sum = ?4 WHERE id = ?1");
        removeRecord = connection.Prepare("DELETE FROM records WHERE id = ?1");
        findEntry = connection.Prepare("SELECT id, user, created, record, node, sum FROM unfinished WHERE task = ?1");
        addEntry = connection.Prepare("INSERT INTO unfinished (task, user, created, record, node, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING");
        setEntry = connection.Prepare("UPDATE unfinished SET user = ?2, created = ?3, record = ?4, node = ?5, sum = ?6 WHERE id = ?1");
        removeEntry = connection.Prepare("DELETE FROM unfinished WHERE id = ?1");
        this.stamp = connection.Prepare("UPDATE records SET value = ?2, sum = ?3 WHERE id = ?1");
    }

    /// <summary>For what has no method here; a row that is changed by it is damage to the next start.</summary>
    internal StateStoreConnection Connection => connection;

    /// <summary>What is durable.</summary>
    public StateStoreStamp Committed => committed;

    /// <summary>The number that this commit will have, if anything in it changes something.</summary>
    public long Next => committed.Sequence + 1;

    /// <summary>Rows and bytes written since the last look: how much the write-ahead log has grown, roughly.</summary>
    public long Pages { get; private set; }

    public bool IsChanged { get; private set; }

    public void Begin()
    {
        connection.Execute("BEGIN IMMEDIATE");
        (current, IsChanged) = (committed, false);
    }

    /// <summary>Durable when it returns. False: nothing was changed, so nothing was written.</summary>
    public bool Commit()
    {
        if (!IsChanged)
        {
            connection.Execute("ROLLBACK");
            return false;
        }

        current = current with { Sequence = Next };
        var value = current.ToBytes();
        stamp.Bind(1, StateStoreLayout.StampId).Bind(2, value).Bind(3, StampSum(value)).Run();
        connection.Execute("COMMIT");
        committed = current;
        Pages += 2;
        return true;
    }

    public void RollBack()
    {
        if (connection.IsInTransaction) connection.Execute("ROLLBACK");
        (current, IsChanged) = (committed, false);
    }

    /// <summary>Makes this a commit although no row changes: it counts, and it proves that one can be made.</summary>
    public void Touch() => IsChanged = true;

    public void WalMoved() => Pages = 0;

    public StoredRecord? Find(ReadOnlySpan<byte> key)
    {
        if (!findRecord.Bind(1, key).Step()) return null;
        var found = new StoredRecord(findRecord.Number(0), Etag(findRecord.Bytes(1)), findRecord.Number(2));
        findRecord.Reset();
        return found;
    }

    /// <summary>False: the key is taken, and nothing is changed.</summary>
    public bool TryAdd(ReadOnlySpan<byte> key, Guid etag, ReadOnlySpan<byte> value, long sum)
    {
        Span<byte> tag = stackalloc byte[16];
        etag.TryWriteBytes(tag);
        if (addRecord.Bind(1, key).Bind(2, tag).Bind(3, value).Bind(4, sum).Run() == 0) return false;
        Changed(1, sum, value.Length);
        return true;
    }

    public void Set(StoredRecord old, Guid etag, ReadOnlySpan<byte> value, long sum)
    {
        Span<byte> tag = stackalloc byte[16];
        etag.TryWriteBytes(tag);
        setRecord.Bind(1, old.Id).Bind(2, tag).Bind(3, value).Bind(4, sum).Run();
        Changed(0, unchecked(sum - old.Sum), value.Length);
    }

    /// <summary>Whatever was there under the key.</summary>
    public void Put(ReadOnlySpan<byte> key, Guid etag, ReadOnlySpan<byte> value)
    {
        Span<byte> tag = stackalloc byte[16];
        etag.TryWriteBytes(tag);
        var sum = StateStoreLayout.Sum(key, tag, value);
        if (Find(key) is { } old) Set(old, etag, value, sum);
        else TryAdd(key, etag, value, sum);
    }

    public void Remove(StoredRecord old)
    {
        removeRecord.Bind(1, old.Id).Run();
        Changed(-1, unchecked(-old.Sum), 0);
    }

    public StoredEntry? FindEntry(ReadOnlySpan<byte> task)
    {
        if (!findEntry.Bind(1, task).Step()) return null;
        var found = new StoredEntry(findEntry.Number(0), findEntry.Bytes(1).ToArray(), findEntry.Number(2), findEntry.Bytes(3).ToArray(),
            findEntry.IsNull(4) ? null : findEntry.Bytes(4).ToArray(), findEntry.Number(5));
        findEntry.Reset();
        return found;
    }

    /// <summary>False: the task has an entry, and nothing is changed.</summary>
    public bool TryAddEntry(byte[] task, byte[] user, long created, byte[] record, byte[]? node)
    {
        var sum = StateStoreLayout.Sum(task, user, created, record, node);
        if (addEntry.Bind(1, task).Bind(2, user).Bind(3, created).Bind(4, record).BindOrNull(5, node).Bind(6, sum).Run() == 0) return false;
        Changed(1, sum, record.Length);
        return true;
    }

    public void SetEntry(StoredEntry old, byte[] task, byte[] user, long created, byte[] record, byte[]? node)
    {
        var sum = StateStoreLayout.Sum(task, user, created, record, node);
        setEntry.Bind(1, old.Id).Bind(2, user).Bind(3, created).Bind(4, record).BindOrNull(5, node).Bind(6, sum).Run();
        Changed(0, unchecked(sum - old.Sum), record.Length);
    }

    public void RemoveEntry(StoredEntry old)
    {
        removeEntry.Bind(1, old.Id).Run();
        Changed(-1, unchecked(-old.Sum), 0);
    }

    public static Guid Etag(ReadOnlySpan<byte> bytes) => bytes.Length == 16 ? new Guid(bytes) : default;

    public static long StampSum(ReadOnlySpan<byte> value) => StateStoreLayout.Sum(StateStoreLayout.Key(StateStoreLayout.StampKey), default, value);

    private void Changed(int rows, long sum, int bytes)
    {
        current = current with { Rows = current.Rows + rows, Sum = unchecked(current.Sum + sum) };
        IsChanged = true;
        Pages += 3 + (bytes >> 12);
    }
}
