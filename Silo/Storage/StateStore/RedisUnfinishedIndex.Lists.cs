using HiveMind.Scheduling;
using HiveMind.Tasks;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The same entries in the order of lists: sorted sets `{service}/mine/{user}` and `{service}/open` (everybody's), task id by the ms of its
/// creation. An entry goes in after its index entry and out together with it, in one transaction, so no place outlives its entry.
/// </summary>
public sealed partial class RedisUnfinishedIndex : IStateStoreIndex
{
    /// <summary>A larger set is read in stretches of time, each in little.</summary>
    private const int SmallSet = 4096;
    private const double FirstStretchMs = 250;

    // Both ways, and only by what the index says in that very moment: what is in it is listed, what is not is not.
    private const string Reconcile = """
        for i = 1, #ARGV, 2 do
          if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
            redis.call('ZADD', KEYS[2], ARGV[i + 1], ARGV[i])
            redis.call('ZADD', KEYS[3], ARGV[i + 1], ARGV[i])
          else
            redis.call('ZREM', KEYS[2], ARGV[i])
            redis.call('ZREM', KEYS[3], ARGV[i])
          end
        end
        return 0
        """;

    public async Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most)
    {
        var set = userId is null ? everybody : Mine(userId);
        var keys = await Keys(set, below, fromMs, most);
        var records = new Dictionary<string, PendingTask?>(keys.Count); // null: it cannot be read
        var buckets = keys.GroupBy(key => Bucket(key.TaskId)).Select(bucket => (bucket.Key, Ids: bucket.Select(key => key.TaskId).ToArray())).ToList();
        var found = await StateStoreFailures.Guard(Task.WhenAll(buckets.Select(b => db.HashGetAsync(entries[b.Key], [.. b.Ids.Select(Field)]))));
        for (var b = 0; b < buckets.Count; b++)
        {
            foreach (var (id, record) in buckets[b].Ids.Zip(found[b]))
                if (!record.IsNull) records[id] = UnfinishedRecord.TryUnpack(id, (byte[])record!, null, out var task, out _) ? task : null;
        }

        await Straighten(keys.Where(key => !records.ContainsKey(key.TaskId)), set);
        return [.. keys.Select(key => new OpenTask(key, records.GetValueOrDefault(key.TaskId))
        {
            IsUnreadable = records.TryGetValue(key.TaskId, out var read) && read is null,
        })];
    }

    public async Task EnsureListed(IReadOnlyList<PendingTask> tasks)
    {
        foreach (var mine in tasks.GroupBy(task => task.UserId))
        {
            PendingTask[] own = [.. mine];
            var scores = await StateStoreFailures.Guard(db.SortedSetScoresAsync(Mine(mine.Key), [.. own.Select(task => Field(task.TaskId))]));
            await Straighten(own.Where((_, i) => scores[i] is null).Select(Key), Mine(mine.Key));
        }
    }

    private IEnumerable<Task> List(IReadOnlyList<PendingTask> tasks)
    {
        foreach (var mine in tasks.GroupBy(task => task.UserId)) yield return db.SortedSetAddAsync(Mine(mine.Key), Places(mine));
        yield return db.SortedSetAddAsync(everybody, Places(tasks));
    }

    private static SortedSetEntry[] Places(IEnumerable<PendingTask> tasks) =>
        [.. tasks.Select(Key).Select(key => new SortedSetEntry(Field(key.TaskId), key.CreatedMs))];

    private void Unlist(ITransaction change, IEnumerable<(string TaskId, string? UserId)> tasks)
    {
        foreach (var mine in tasks.GroupBy(task => task.UserId))
        {
            RedisValue[] fields = [.. mine.Select(task => Field(task.TaskId))];
            if (mine.Key is { } userId) _ = change.SortedSetRemoveAsync(Mine(userId), fields);
            _ = change.SortedSetRemoveAsync(everybody, fields);
        }
    }

    private Task Straighten(IEnumerable<TaskKey> keys, RedisKey set) => StateStoreFailures.Guard(Task.WhenAll(keys.GroupBy(key => Bucket(key.TaskId))
        .Select(bucket => db.ScriptEvaluateAsync(
            Reconcile, [entries[bucket.Key], set, everybody], [.. bucket.SelectMany(key => new[] { Field(key.TaskId), key.CreatedMs })]))));

    private async Task<List<TaskKey>> Keys(RedisKey set, TaskKey? below, long fromMs, int most)
    {
        var keys = new List<TaskKey>();
        var upper = below is { } at ? at.CreatedMs : double.PositiveInfinity;
        if (below is { TaskId.Length: > 0 } last) // the others of that same millisecond
            keys.AddRange((await Range(set, last.CreatedMs, last.CreatedMs, Exclude.None, -1)).Where(key => key.IsBelow(last)).Take(most));
        if (keys.Count < most && await StateStoreFailures.Guard(db.SortedSetLengthAsync(set)) <= SmallSet)
            keys.AddRange(await Range(set, fromMs, upper, Exclude.Stop, most - keys.Count));
        else if (keys.Count < most)
            await AddInStretches(keys, set, upper, fromMs, most);
        return keys;
    }

    private async Task AddInStretches(List<TaskKey> keys, RedisKey set, double upper, long fromMs, int most)
    {
        var first = await StateStoreFailures.Guard(db.SortedSetRangeByRankWithScoresAsync(set, 0, 0, Order.Descending));
        var last = await StateStoreFailures.Guard(db.SortedSetRangeByRankWithScoresAsync(set, 0, 0, Order.Ascending));
        if (first.Length == 0 || last.Length == 0) return;
        var end = Math.Max(fromMs, last[0].Score);
        upper = Math.Min(upper, first[0].Score + 1);
        for (var stretch = FirstStretchMs; upper > end && keys.Count < most; stretch *= 4)
        {
            var lower = Math.Max(end, upper - stretch);
            keys.AddRange(await Range(set, lower, upper, Exclude.Stop, most - keys.Count));
            upper = lower;
        }
    }

    private async Task<IEnumerable<TaskKey>> Range(RedisKey set, double lower, double upper, Exclude exclude, int most) =>
        (await StateStoreFailures.Guard(db.SortedSetRangeByScoreWithScoresAsync(set, lower, upper, exclude, Order.Descending, 0, most)))
        .Select(place => new TaskKey((long)place.Score, TaskId(place.Element)));

    private RedisKey Mine(string userId) => mine.Append(userId);

    private static TaskKey Key(PendingTask task) => new(task.SubmittedAt.ToUnixTimeMilliseconds(), task.TaskId);
}
