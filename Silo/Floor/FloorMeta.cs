namespace HiveMind.Storage;

/// <summary>Where the floor keeps its record of itself.</summary>
public interface IFloorMetaStore
{
    /// <summary>Null for an empty floor.</summary>
    Task<FloorMetaRecord?> Read();
    /// <summary>Only where there is none yet, so that two silos that start on one empty floor agree.</summary>
    Task Create(FloorMetaRecord record);
    /// <summary>Before anything of a newer kind is written: programs that could not read it do not start on this floor any more.</summary>
    Task Raise(FloorVersions to);
    /// <summary>A higher sequence than ever before; durable.</summary>
    Task<long> Advance();
    /// <summary>The books have noted that sequence; durable, never lower than before.</summary>
    Task Confirm(long sequence);
    /// <summary>A migration to here began and has not ended.</summary>
    Task<bool> IsHalfACopy();
}

/// <summary>
/// The floor's own record of who it is and with which stores it lives, and the canary: a sequence that is written here first and then noted
/// in the books, so that a floor which lost writes is found behind them; and then confirmed here, so that older books are found behind the floor.
/// </summary>
public sealed class FloorMeta(IFloorMetaStore store)
{
    private IStoreIdentity? books;
    private string floorId = "";

    /// <summary>Null for an empty floor.</summary>
    public Task<FloorMetaRecord?> Read() => store.Read();

    /// <summary>Before anything is served: the stores match or StartRefused; an empty floor is named after these books and files.</summary>
    public async Task Join(IStoreIdentity storeBooks, string filesId, bool acceptLostFloor, bool acceptOlderBooks = false)
    {
        if (await store.IsHalfACopy())
        {
            throw new StartRefusedException("This Redis holds half a copy of an embedded floor: run `migrate` again, or start on the embedded floor.");
        }

        var floor = await store.Read();
        var others = new StoreIdentities(storeBooks.BooksId, filesId, storeBooks.FloorId, storeBooks.NotedSequence);
        var problems = StoreMatch.Problems(floor, others, FloorVersions.Current, acceptLostFloor, acceptOlderBooks);
        if (problems.Count > 0)
        {
            throw new StartRefusedException(problems);
        }
        floor ??= await Found(others);
        if (floor.Versions != FloorVersions.Current) await store.Raise(FloorVersions.Current);
        floorId = floor.FloorId;
        books = storeBooks;
        await Advance();
    }

    /// <summary>One step of the canary: durable in the floor, then noted in the books.</summary>
    public async Task Advance()
    {
        if (books is null)
        {
            return;
        }
        var sequence = await store.Advance();
        await books.NoteFloor(floorId, sequence);
        await store.Confirm(sequence); // in this order: what the floor says of the books was true before it says so
    }

    private async Task<FloorMetaRecord> Found(StoreIdentities others)
    {
        await store.Create(new(Guid.NewGuid().ToString("N"), others.BooksId, others.FilesId, FloorVersions.Current, 0));
        var floor = await store.Read() ?? throw new StartRefusedException("The floor forgot what was just written to it.");
        if (floor.BooksId != others.BooksId || floor.FilesId != others.FilesId)
        {
            throw new StartRefusedException("Another silo with other books or files took this empty floor at the same time.");
        }
        return floor;
    }
}
