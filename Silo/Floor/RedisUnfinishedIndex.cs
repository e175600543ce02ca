using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>
/// The unfinished index in 256 buckets by the first byte of the task id: `{service}/unfinished/{xx}` (task id → record) and
/// `{service}/marked/{xx}` (task id → node). Nothing here waits for the commit: entry and mark stand before the birth and the grant in the
/// append-only file, whose commit covers them; a removal that is lost is only repeated.
/// </summary>
public sealed class RedisUnfinishedIndex : IUnfinishedIndex
{
    private const int Buckets = 256;
    private readonly IDatabase db;
    private readonly RedisKey[] entries;
    private readonly RedisKey[] marks;

    public RedisUnfinishedIndex(IConnectionMultiplexer redis, string serviceId)
    {
        db = redis.GetDatabase();
        entries = [.. Enumerable.Range(0, Buckets).Select(b => (RedisKey)$"{serviceId}/unfinished/{b:x2}")];
        marks = [.. Enumerable.Range(0, Buckets).Select(b => (RedisKey)$"{serviceId}/marked/{b:x2}")];
    }

    public Task Add(PendingTask task) =>
        FloorFailures.Guard(db.HashSetAsync(entries[Bucket(task.TaskId)], Field(task.TaskId), UnfinishedRecord.Pack(task)));

    public Task Mark(IReadOnlyList<string> taskIds, string nodeId)
    {
        RedisValue node = Encoding.UTF8.GetBytes(nodeId);
        return FloorFailures.Guard(Task.WhenAll(taskIds.GroupBy(Bucket)
            .Select(bucket => db.HashSetAsync(marks[bucket.Key], [.. bucket.Select(id => new HashEntry(Field(id), node))]))));
    }

    public Task Unmark(string taskId) => FloorFailures.Guard(db.HashDeleteAsync(marks[Bucket(taskId)], Field(taskId)));

    public Task Remove(IReadOnlyList<string> taskIds)
    {
        // Marks first: a mark without an entry would be found by nobody.
        var buckets = taskIds.GroupBy(Bucket, Field).Select(bucket => (bucket.Key, Fields: bucket.ToArray())).ToList();
        var unmarked = buckets.Select(bucket => db.HashDeleteAsync(marks[bucket.Key], bucket.Fields)).ToList();
        var removed = buckets.Select(bucket => db.HashDeleteAsync(entries[bucket.Key], bucket.Fields)).ToList();
        return FloorFailures.Guard(Task.WhenAll(unmarked.Concat(removed)));
    }

    public async Task<long> Count() =>
        (await FloorFailures.Guard(Task.WhenAll(entries.Select(bucket => db.HashLengthAsync(bucket)).ToList()))).Sum();

    public async IAsyncEnumerable<UnfinishedEntry> Scan([EnumeratorCancellation] CancellationToken cancel = default)
    {
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            cancel.ThrowIfCancellationRequested();
            // Entries first: a task granted in between then shows its mark.
            var found = db.HashGetAllAsync(entries[bucket]);
            var marked = db.HashGetAllAsync(marks[bucket]);
            await FloorFailures.Guard(Task.WhenAll(found, marked));
            var nodes = (await marked).ToDictionary(mark => TaskId(mark.Name), mark => Encoding.UTF8.GetString((byte[])mark.Value!));
            foreach (var entry in await found)
            {
                var id = TaskId(entry.Name);
                yield return new UnfinishedEntry(UnfinishedRecord.Unpack(id, (byte[])entry.Value!), nodes.GetValueOrDefault(id));
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
