namespace HiveMind.Storage;

/// <summary>The database's side of the stores knowing each other.</summary>
public interface IStoreIdentity
{
    /// <summary>Random, made with the database.</summary>
    string DatabaseId { get; }
    /// <summary>The state store this database was last used with; null for a database that never met one.</summary>
    string? StateStoreId { get; }
    /// <summary>The state store's last write sequence that the database has seen.</summary>
    long NotedSequence { get; }
    /// <summary>Durable when it returns. A sequence below the noted one for the same state store changes nothing.</summary>
    Task NoteStateStore(string stateStoreId, long sequence);
}

/// <summary>Versions of what the state store stores. Each grows by one when older programs could not read it any more.</summary>
public sealed record StateStoreVersions(int Schema, int KeyLayout, int Serializer)
{
    /// <summary>Schema: records of the indexes and meta. Key layout: the names of keys. Serializer: grain state (Orleans binary).</summary>
    public static readonly StateStoreVersions Current = new(UnfinishedRecord.Newest, 1, 1);
}

/// <summary>
/// The state store's `meta` record. Confirmed: the highest sequence that the database is known to have noted; database behind it are of an older moment.
/// </summary>
public sealed record StateStoreMetaRecord(string StateStoreId, string DatabaseId, string FilesId, StateStoreVersions Versions, long Sequence, long Confirmed = 0);

/// <summary>What the stores beside the state store say of themselves.</summary>
public sealed record StoreIdentities(string DatabaseId, string FilesId, string? StateStoreId, long NotedSequence);

/// <summary>May these stores be used together? A pure rule: one line per reason why not.</summary>
public static class StoreMatch
{
    public const string AcceptFlag = "--accept-lost-floor", AcceptDatabaseFlag = "--accept-lost-books", AcceptOlderDatabaseFlag = "--accept-older-books";

    public static IReadOnlyList<string> Problems(StateStoreMetaRecord? stateStore, StoreIdentities others, StateStoreVersions code, bool acceptLostStateStore, bool acceptOlderDatabase = false) =>
        stateStore is null ? EmptyStateStore(others, acceptLostStateStore) : [.. Mismatches(stateStore, others, acceptOlderDatabase), .. Newer(stateStore.Versions, code)];

    private static IReadOnlyList<string> EmptyStateStore(StoreIdentities others, bool acceptLostStateStore) => others.StateStoreId is null || acceptLostStateStore
        ? []
        : [$"The state store is empty, but the database names state store {others.StateStoreId}: bring that one back, or start with {AcceptFlag}, which gives up "
            + "all unfinished tasks, registered nodes and sessions (accounts, credits and the history are in the database)."];

    private static IEnumerable<string> Mismatches(StateStoreMetaRecord stateStore, StoreIdentities others, bool acceptOlderDatabase)
    {
        if (stateStore.DatabaseId != others.DatabaseId)
        {
            yield return others.StateStoreId is not null
                ? $"This is not the state store's database: the state store belongs to database {stateStore.DatabaseId}, these are {others.DatabaseId}."
                : $"This is not the state store's database: it belongs to database {stateStore.DatabaseId}, this one is new and empty. Restore the database from a backup, or "
                    + $"start with {AcceptDatabaseFlag}, which begins a new pool and gives up all accounts, credits and history, and with them nodes, "
                    + "sessions and unfinished tasks (the old state store is renamed, not deleted).";
        }
        else if (others.StateStoreId is not null && others.StateStoreId != stateStore.StateStoreId)
        {
            yield return $"This is not the database's state store: the database belongs to state store {others.StateStoreId}, this is {stateStore.StateStoreId}.";
        }
        else if (others.NotedSequence > stateStore.Sequence)
        {
            yield return $"The state store is behind its database: it is at write {stateStore.Sequence}, they have seen {others.NotedSequence}. Part of what it "
                + $"acknowledged is lost: restore a newer copy, or start on an empty state store with {AcceptFlag}.";
        }
        else if (others.NotedSequence < stateStore.Confirmed && !acceptOlderDatabase)
        {
            yield return $"The database is of an older moment than the state store: it has seen its write {others.NotedSequence}, and had seen {stateStore.Confirmed}. "
                + $"Restore the newer database, or start with {AcceptOlderDatabaseFlag}, which gives up what only it had: accounts, changed passwords and "
                + "payments since then, and the history of tasks that ended since then.";
        }
        if (stateStore.FilesId != others.FilesId)
        {
            yield return $"These are not the state store's files: the state store belongs to files {stateStore.FilesId}, these are {others.FilesId}.";
        }
    }

    private static IEnumerable<string> Newer(StateStoreVersions stateStore, StateStoreVersions code)
    {
        foreach (var (what, stored, known) in new[]
        {
            ("schema", stateStore.Schema, code.Schema), ("key layout", stateStore.KeyLayout, code.KeyLayout),
            ("serializer", stateStore.Serializer, code.Serializer),
        })
        {
            if (stored > known)
            {
                yield return $"The state store is newer than this program: its {what} is version {stored}, this program knows {known}. Update the program.";
            }
        }
    }
}
