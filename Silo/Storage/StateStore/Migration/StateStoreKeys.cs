using System.Globalization;
using System.Text;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// All keys of one deployment on one server, whoever wrote them (Orleans' providers or our own indexes), but for those that belong to the
/// place and not to the pool: membership, the health probe, `meta` and the mark of a migration.
/// </summary>
internal sealed class StateStoreKeys(IDatabase db, string serviceId)
{
    /// <summary>Keys on their way at the same time.</summary>
    private const int Together = 64;
    /// <summary>Entries of one key per command.</summary>
    private const int Batch = 1000;

    /// <summary>The state store id of a migration to this server that has begun and not ended. No silo starts while it is there.</summary>
    public static RedisKey Migrating(string serviceId) => $"{serviceId}/migrating";

    public async Task<StateStoreDigest> Digest(CancellationToken cancel)
    {
        var digest = new StateStoreDigest();
        await ForEach(key => Walk(key, digest), cancel);
        return digest;
    }

    public Task RemoveAll(CancellationToken cancel) => ForEach(key => db.KeyDeleteAsync(key), cancel);

    /// <summary>One of the keys; null when there is none.</summary>
    public async Task<string?> Any(CancellationToken cancel)
    {
        await foreach (var key in Scan(cancel)) return key.ToString();
        return null;
    }

    private async Task ForEach(Func<RedisKey, Task> act, CancellationToken cancel)
    {
        var seen = new HashSet<RedisKey>(); // a scan may show a key twice
        var waiting = new List<RedisKey>(Together);
        await foreach (var key in Scan(cancel))
        {
            if (seen.Add(key)) waiting.Add(key);
            if (waiting.Count < Together) continue;
            await Task.WhenAll(waiting.Select(act));
            waiting.Clear();
        }

        await Task.WhenAll(waiting.Select(act));
    }

    private async IAsyncEnumerable<RedisKey> Scan([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        RedisKey meta = $"{serviceId}/meta", health = $"{serviceId}/health", migrating = Migrating(serviceId);
        var members = $"{serviceId}/members/";
        // The id has no letter that a pattern would read as more than itself.
        await foreach (var key in Scan($"{serviceId}/*", cancel))
        {
            if (key == meta || key == health || key == migrating) continue;
            if (!Encoding.UTF8.GetString((byte[])key!).StartsWith(members, StringComparison.Ordinal)) yield return key;
        }
    }

    private async IAsyncEnumerable<RedisKey> Scan(string pattern, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        var cursor = "0";
        do
        {
            cancel.ThrowIfCancellationRequested();
            var answer = (RedisResult[])(await db.ExecuteAsync("SCAN", cursor, "MATCH", pattern, "COUNT", Batch.ToString(CultureInfo.InvariantCulture)))!;
            cursor = (string)answer[0]!;
            foreach (var key in (RedisKey[])answer[1]!) yield return key;
        }
        while (cursor != "0");
    }

    private async Task Walk(RedisKey key, StateStoreDigest digest)
    {
        digest.AddKey();
        var type = await db.KeyTypeAsync(key);
        switch (type)
        {
            case RedisType.String:
                var value = await db.StringGetAsync(key);
                digest.Add(key, type, RedisValue.Null, value);
                break;
            case RedisType.Hash:
                var fields = await db.HashGetAllAsync(key);
                foreach (var field in fields) digest.Add(key, type, field.Name, field.Value);
                break;
            case RedisType.Set:
                var members = await db.SetMembersAsync(key);
                foreach (var member in members) digest.Add(key, type, member, RedisValue.Null);
                break;
            case RedisType.SortedSet:
                var places = await db.SortedSetRangeByRankWithScoresAsync(key);
                foreach (var place in places) digest.Add(key, place);
                break;
            default:
                throw new MigrationFailedException($"{key} is of type {type}, which no version of this program writes: the state store was changed by hand?");
        }
    }
}
