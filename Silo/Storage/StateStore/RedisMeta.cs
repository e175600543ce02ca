using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>The hash `{service}/meta`.</summary>
internal sealed class RedisMeta(IConnectionMultiplexer redis, string serviceId) : IStateStoreMetaStore
{
    private readonly IDatabase db = redis.GetDatabase();
    private readonly RedisKey key = Key(serviceId);

    public static RedisKey Key(string serviceId) => $"{serviceId}/meta";

    public async Task<StateStoreMetaRecord?> Read()
    {
        var fields = (await StateStoreFailures.Guard(db.HashGetAllAsync(key))).ToDictionary(field => field.Name.ToString(), field => field.Value);
        return fields.Count == 0 ? null : new StateStoreMetaRecord(
            Text("floor_id"), Text("books_id"), Text("files_id"),
            new StateStoreVersions((int)Number("schema"), (int)Number("key_layout"), (int)Number("serializer")), Number("sequence"), Number("confirmed"));

        string Text(string name) => fields.GetValueOrDefault(name).ToString();
        long Number(string name) => fields.TryGetValue(name, out var value) && value.TryParse(out long number) ? number : 0;
    }

    public Task Create(StateStoreMetaRecord record)
    {
        // One script, so that two silos that start on one empty Redis agree.
        const string CreateIfAbsent = """
            if redis.call('EXISTS', KEYS[1]) == 0 then
              redis.call('HMSET', KEYS[1], 'floor_id', ARGV[1], 'books_id', ARGV[2], 'files_id', ARGV[3],
                'schema', ARGV[4], 'key_layout', ARGV[5], 'serializer', ARGV[6], 'sequence', ARGV[7], 'confirmed', 0)
            end
            return 0
            """;
        return StateStoreFailures.Guard(db.ScriptEvaluateAsync(CreateIfAbsent, [key], [
            record.StateStoreId, record.DatabaseId, record.FilesId, record.Versions.Schema, record.Versions.KeyLayout, record.Versions.Serializer, record.Sequence,
        ]));
    }

    public Task Raise(StateStoreVersions to) => StateStoreFailures.Guard(db.HashSetAsync(
        key, [new("schema", to.Schema), new("key_layout", to.KeyLayout), new("serializer", to.Serializer)]));

    public Task<long> Advance() => StateStoreFailures.Guard(db.HashIncrementAsync(key, "sequence"));

    public Task Confirm(long sequence)
    {
        // Several silos do this, each a little later than it was told.
        const string Grow = """
            if tonumber(redis.call('HGET', KEYS[1], 'confirmed') or 0) < tonumber(ARGV[1]) then redis.call('HSET', KEYS[1], 'confirmed', ARGV[1]) end
            return 0
            """;
        return StateStoreFailures.Guard(db.ScriptEvaluateAsync(Grow, [key], [sequence]));
    }

    public Task<bool> IsHalfACopy() => StateStoreFailures.Guard(db.KeyExistsAsync(StateStoreKeys.Migrating(serviceId)));

    /// <summary>The record as the fields that are stored.</summary>
    public static HashEntry[] Fields(StateStoreMetaRecord record) =>
    [
        new("floor_id", record.StateStoreId), new("books_id", record.DatabaseId), new("files_id", record.FilesId), new("schema", record.Versions.Schema),
        new("key_layout", record.Versions.KeyLayout), new("serializer", record.Versions.Serializer), new("sequence", record.Sequence),
        new("confirmed", record.Confirmed),
    ];
}
