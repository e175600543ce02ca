using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using HiveMind.Faults;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The unfinished index in 256 buckets by the first byte of the task id: `{service}/unfinished/{xx}` (task id → record) and
/// `{service}/marked/{xx}` (task id → node). Nothing here waits for the commit: entry and mark stand before the birth and the grant in the
/// append-only file, whose commit covers them; a removal that is lost is only repeated.
/// </summary>
public sealed partial class RedisUnfinishedIndex
{
    private const int Buckets = 256;

    // Together, and never an entry that was removed meanwhile: a task that has ended would come back.
    private const string GiveBack = """
        redis.call('HDEL', KEYS[2], ARGV[1])
        if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
          redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        end
        return 0
        """;

    // What a sweep took for left behind may have been written anew since it was read: a submit that goes on.
    private const string ForgetAsRead = """
        if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
          return 0
        end
        redis.call('HDEL', KEYS[1], ARGV[1])
        redis.call('HDEL', KEYS[2], ARGV[1])
        for i = 3, #KEYS do
          redis.call('ZREM', KEYS[i], ARGV[1])
        end
        return 1
        """;

    private readonly IDatabase db;
    private readonly RedisKey[] entries;
    private readonly RedisKey[] marks;
    private readonly RedisKey mine, everybody;

    public RedisUnfinishedIndex(IConnectionMultiplexer redis, string serviceId)
    {
        db = redis.GetDatabase();
        entries = [.. Enumerable.Range(0, Buckets).Select(b => (RedisKey)$"{serviceId}/unfinished/{b:x2}")];
        marks = [.. Enumerable.Range(0, Buckets).Select(b => (RedisKey)$"{serviceId}/marked/{b:x2}")];
        (mine, everybody) = ($"{serviceId}/mine/", $"{serviceId}/open");
    }

    public Task Add(IReadOnlyList<PendingTask> tasks)
    {
        // The entries first: a place in the lists always has one.
        var written = tasks.GroupBy(task => Bucket(task.TaskId)).Select(bucket => db.HashSetAsync(
            entries[bucket.Key], [.. bucket.Select(task => new HashEntry(Field(task.TaskId), UnfinishedRecord.Pack(task)))])).ToList();
        Failpoint.Hit(Failpoints.SubmitAfterEntry);
        return StateStoreFailures.Guard(Task.WhenAll([.. written, .. List(tasks)]));
    }

    public Task AddMissing(IReadOnlyList<PendingTask> tasks)
    {
        var written = tasks.Select(task => (Task)db.HashSetAsync(
            entries[Bucket(task.TaskId)], Field(task.TaskId), UnfinishedRecord.Pack(task), When.NotExists)).ToList();
        return StateStoreFailures.Guard(Task.WhenAll([.. written, .. List(tasks)]));
    }

    public Task Mark(IReadOnlyList<string> taskIds, string nodeId)
    {
        RedisValue node = Encoding.UTF8.GetBytes(nodeId);
        return StateStoreFailures.Guard(Task.WhenAll(taskIds.GroupBy(Bucket)
            .Select(bucket => db.HashSetAsync(marks[bucket.Key], [.. bucket.Select(id => new HashEntry(Field(id), node))]))));
    }

    public Task Return(PendingTask task)
    {
        var bucket = Bucket(task.TaskId);
        return StateStoreFailures.Guard(db.ScriptEvaluateAsync(GiveBack, [entries[bucket], marks[bucket]], [Field(task.TaskId), UnfinishedRecord.Pack(task)]));
    }

    public async Task Remove(IReadOnlyList<string> taskIds)
    {
        var buckets = taskIds.GroupBy(Bucket).Select(bucket => (bucket.Key, Ids: bucket.ToArray(), Fields: bucket.Select(Field).ToArray())).ToList();
        var found = await StateStoreFailures.Guard(Task.WhenAll(buckets.Select(bucket => db.HashGetAsync(entries[bucket.Key], bucket.Fields))));
        // Together: a mark or a place without an entry would be found by nobody.
        var change = db.CreateTransaction();
        for (var b = 0; b < buckets.Count; b++)
        {
            _ = change.HashDeleteAsync(marks[buckets[b].Key], buckets[b].Fields);
            _ = change.HashDeleteAsync(entries[buckets[b].Key], buckets[b].Fields);
        }

        // Whose list one that cannot be read stands in is not known: that place goes when the list is next read.
        Unlist(change, buckets.SelectMany((bucket, b) => bucket.Ids.Zip(found[b])).Where(pair => !pair.Second.IsNull)
            .Select(pair => (pair.First, UnfinishedRecord.TryUnpack(pair.First, (byte[])pair.Second!, null, out var task, out _) ? task.UserId : null)));
        await StateStoreFailures.Guard(change.ExecuteAsync());
    }

    public async Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored)
    {
        var bucket = Bucket(taskId);
        List<RedisKey> keys = [entries[bucket], marks[bucket], everybody];
        if (UnfinishedRecord.TryUnpack(taskId, stored.ToArray(), null, out var task, out _)) keys.Add(Mine(task.UserId));
        return (long)await StateStoreFailures.Guard(db.ScriptEvaluateAsync(ForgetAsRead, [.. keys], [Field(taskId), stored.ToArray()])) == 1;
    }

    public async Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds)
    {
        var buckets = taskIds.Distinct().GroupBy(Bucket).Select(bucket => (bucket.Key, Ids: bucket.ToArray(), Fields: bucket.Select(Field).ToArray())).ToList();
        // Entries first: one that is removed between the two then has neither.
        var found = Task.WhenAll(buckets.Select(bucket => db.HashGetAsync(entries[bucket.Key], bucket.Fields)).ToList());
        var marked = Task.WhenAll(buckets.Select(bucket => db.HashGetAsync(marks[bucket.Key], bucket.Fields)).ToList());
        await StateStoreFailures.Guard(Task.WhenAll(found, marked));
        var known = new Dictionary<string, string?>();
        for (var b = 0; b < buckets.Count; b++)
        {
            for (var i = 0; i < buckets[b].Ids.Length; i++)
            {
                var node = (await marked)[b][i];
                if (!(await found)[b][i].IsNull) known[buckets[b].Ids[i]] = node.IsNull ? null : Encoding.UTF8.GetString((byte[])node!);
            }
        }
        return known;
    }

    public async Task<long> Count() =>
        (await StateStoreFailures.Guard(Task.WhenAll(entries.Select(bucket => db.HashLengthAsync(bucket)).ToList()))).Sum();

    public async IAsyncEnumerable<UnfinishedEntry> Scan(
        [EnumeratorCancellation] CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null)
    {
        var words = new HashSet<string>();
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            cancel.ThrowIfCancellationRequested();
            // Entries first: a task granted in between then shows its mark.
            var found = db.HashGetAllAsync(entries[bucket]);
            var marked = db.HashGetAllAsync(marks[bucket]);
            await StateStoreFailures.Guard(Task.WhenAll(found, marked));
            var nodes = (await marked).ToDictionary(mark => TaskId(mark.Name), mark => Encoding.UTF8.GetString((byte[])mark.Value!));
            foreach (var entry in await found)
            {
                var id = TaskId(entry.Name);
                var stored = (byte[])entry.Value!;
                if (UnfinishedRecord.TryUnpack(id, stored, words, out var task, out var isNewer))
                    yield return new UnfinishedEntry(task, nodes.GetValueOrDefault(id)) { Stored = stored };
                else unreadable?.Invoke(new(id, nodes.GetValueOrDefault(id), isNewer, stored));
            }
        }
    }

    private static int Bucket(string taskId)
    {
        if (!TaskIds.IsValid(taskId))
        {
            throw new ArgumentException($"'{taskId}' is no task id.", nameof(taskId));
        }
        return int.Parse(taskId.AsSpan(0, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private static RedisValue Field(string taskId) => Convert.FromHexString(taskId);

    private static string TaskId(RedisValue field) => Convert.ToHexStringLower((byte[])field!);
}
