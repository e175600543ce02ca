using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>All registered node ids: the set `{service}/nodes`. The registration's own commit covers an entry written before it.</summary>
public sealed class RedisNodeIndex(IConnectionMultiplexer redis, string serviceId) : INodeIndex
{
    private readonly IDatabase db = redis.GetDatabase();
    private readonly RedisKey key = $"{serviceId}/nodes";

    public Task Add(string nodeId) => StateStoreFailures.Guard(db.SetAddAsync(key, nodeId));

    public Task Remove(string nodeId) => StateStoreFailures.Guard(db.SetRemoveAsync(key, nodeId));

    public async Task<IReadOnlyList<string>> All() =>
        [.. (await StateStoreFailures.Guard(db.SetMembersAsync(key))).Select(id => id.ToString())];
}
