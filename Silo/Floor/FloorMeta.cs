using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The floor's own record of who it is and with which stores it lives (`{service}/meta`), and the canary: a sequence that is written
/// here first and then noted in the books, so that a floor which lost writes is found behind them.
/// </summary>
public sealed class FloorMeta(IConnectionMultiplexer redis, FloorCommit commit, string serviceId)
{
    private readonly IDatabase db = redis.GetDatabase();
    private readonly RedisKey key = Key(serviceId);
    private IStoreIdentity? books;
    private string floorId = "";

    internal static RedisKey Key(string serviceId) => $"{serviceId}/meta";

    /// <summary>Null for an empty floor.</summary>
    public async Task<FloorMetaRecord?> Read()
    {
        var fields = (await FloorFailures.Guard(db.HashGetAllAsync(key))).ToDictionary(field => field.Name.ToString(), field => field.Value);
        return fields.Count == 0 ? null : new FloorMetaRecord(
            Text("floor_id"), Text("books_id"), Text("files_id"),
            new FloorVersions((int)Number("schema"), (int)Number("key_layout"), (int)Number("serializer")), Number("sequence"));

        string Text(string name) => fields.GetValueOrDefault(name).ToString();
        long Number(string name) => fields.TryGetValue(name, out var value) && value.TryParse(out long number) ? number : 0;
    }

    /// <summary>Before anything is served: the stores match or StartRefused; an empty floor is named after these books and files.</summary>
    public async Task Join(IStoreIdentity storeBooks, string filesId, bool acceptLostFloor)
    {
        await RefuseHalfACopy();
        var floor = await Read();
        var others = new StoreIdentities(storeBooks.BooksId, filesId, storeBooks.FloorId, storeBooks.NotedSequence);
        var problems = StoreMatch.Problems(floor, others, FloorVersions.Current, acceptLostFloor);
        if (problems.Count > 0)
        {
            throw new StartRefusedException(problems);
        }
        floor ??= await Found(others);
        if (floor.Versions != FloorVersions.Current) await Raise(FloorVersions.Current);
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
        var sequence = await FloorFailures.Guard(db.HashIncrementAsync(key, "sequence"));
        await commit.CommitAsync();
        await books.NoteFloor(floorId, sequence);
    }

    /// <summary>Before anything of the newer kind is written: programs that could not read it do not start on this floor any more.</summary>
    private Task Raise(FloorVersions to) => FloorFailures.Guard(db.HashSetAsync(
        key, [new("schema", to.Schema), new("key_layout", to.KeyLayout), new("serializer", to.Serializer)]));

    private async Task RefuseHalfACopy()
    {
        if (await FloorFailures.Guard(db.KeyExistsAsync(FloorKeys.Migrating(serviceId))))
        {
            throw new StartRefusedException("This Redis holds half a copy of an embedded floor: run `migrate` again, or start on the embedded floor.");
        }
    }

    private async Task<FloorMetaRecord> Found(StoreIdentities others)
    {
        // One script, so that two silos that start on one empty Redis agree.
        const string CreateIfAbsent = """
            if redis.call('EXISTS', KEYS[1]) == 0 then
              redis.call('HMSET', KEYS[1], 'floor_id', ARGV[1], 'books_id', ARGV[2], 'files_id', ARGV[3],
                'schema', ARGV[4], 'key_layout', ARGV[5], 'serializer', ARGV[6], 'sequence', ARGV[7])
            end
            return 0
            """;
        var versions = FloorVersions.Current;
        await FloorFailures.Guard(db.ScriptEvaluateAsync(CreateIfAbsent, [key], [
            Guid.NewGuid().ToString("N"), others.BooksId, others.FilesId, versions.Schema, versions.KeyLayout, versions.Serializer, 0,
        ]));
        await commit.CommitAsync();
        var floor = await Read() ?? throw new StartRefusedException("The floor forgot what was just written to it.");
        if (floor.BooksId != others.BooksId || floor.FilesId != others.FilesId)
        {
            throw new StartRefusedException("Another silo with other books or files took this empty floor at the same time.");
        }
        return floor;
    }
}
