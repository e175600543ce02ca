namespace HiveMind.Storage;

/// <summary>Where the state store keeps its record of itself.</summary>
public interface IStateStoreMetaStore
{
    /// <summary>Null for an empty state store.</summary>
    Task<StateStoreMetaRecord?> Read();
    /// <summary>Only where there is none yet, so that two silos that start on one empty state store agree.</summary>
    Task Create(StateStoreMetaRecord record);
    /// <summary>Before anything of a newer kind is written: programs that could not read it do not start on this state store any more.</summary>
    Task Raise(StateStoreVersions to);
    /// <summary>A higher sequence than ever before; durable.</summary>
    Task<long> Advance();
    /// <summary>The database has noted that sequence; durable, never lower than before.</summary>
    Task Confirm(long sequence);
    /// <summary>A migration to here began and has not ended.</summary>
    Task<bool> IsHalfACopy();
}

/// <summary>
/// The state store's own record of who it is and with which stores it lives, and the canary: a sequence that is written here first and then noted
/// in the database, so that a state store which lost writes is found behind it; and then confirmed here, so that an older database is found behind the state store.
/// </summary>
public sealed class StateStoreMeta(IStateStoreMetaStore store)
{
    private IStoreIdentity? database;
    private string stateStoreId = "";

    /// <summary>Null for an empty state store.</summary>
    public Task<StateStoreMetaRecord?> Read() => store.Read();

    /// <summary>Before anything is served: the stores match or StartRefused; an empty state store is named after this database and files.</summary>
    public async Task Join(IStoreIdentity storeDatabase, string filesId, bool acceptLostStateStore, bool acceptOlderDatabase = false)
    {
        if (await store.IsHalfACopy())
        {
            throw new StartRefusedException("This Redis holds half a copy of an embedded state store: run `migrate` again, or start on the embedded state store.");
        }

        var stateStore = await store.Read();
        var others = new StoreIdentities(storeDatabase.DatabaseId, filesId, storeDatabase.StateStoreId, storeDatabase.NotedSequence);
        var problems = StoreMatch.Problems(stateStore, others, StateStoreVersions.Current, acceptLostStateStore, acceptOlderDatabase);
        if (problems.Count > 0)
        {
            throw new StartRefusedException(problems);
        }
        stateStore ??= await Found(others);
        if (stateStore.Versions != StateStoreVersions.Current) await store.Raise(StateStoreVersions.Current);
        stateStoreId = stateStore.StateStoreId;
        database = storeDatabase;
        await Advance();
    }

    /// <summary>One step of the canary: durable in the state store, then noted in the database.</summary>
    public async Task Advance()
    {
        if (database is null)
        {
            return;
        }
        var sequence = await store.Advance();
        await database.NoteStateStore(stateStoreId, sequence);
        await store.Confirm(sequence); // in this order: what the state store says of the database was true before it says so
    }

    private async Task<StateStoreMetaRecord> Found(StoreIdentities others)
    {
        await store.Create(new(Guid.NewGuid().ToString("N"), others.DatabaseId, others.FilesId, StateStoreVersions.Current, 0));
        var stateStore = await store.Read() ?? throw new StartRefusedException("The state store forgot what was just written to it.");
        if (stateStore.DatabaseId != others.DatabaseId || stateStore.FilesId != others.FilesId)
        {
            throw new StartRefusedException("Another silo with other database or files took this empty state store at the same time.");
        }
        return stateStore;
    }
}
