using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using HiveMind.Faults;
using StackExchange.Redis;

namespace HiveMind.Storage;

/// <summary>One entry of the embedded state store as it stands in a Redis: a hash's field, a set's member, a sorted set's member and score.</summary>
internal readonly record struct RedisEntry(RedisKey Key, RedisType Type, RedisValue Field, RedisValue Value, double Score = 0);

/// <summary>
/// The embedded state store in the words of a Redis: exactly the keys and bytes that Orleans' Redis providers and our own indexes write there.
/// What belongs to the place and not to the pool (the stamp, `meta`) is left out.
/// </summary>
internal sealed class EmbeddedEntries(EmbeddedStateStore stateStore)
{
    private const int Together = 1000;
    // As the provider of reminders writes them.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly string serviceId = stateStore.Options.ServiceId;

    /// <summary>Copies everything onto a server that has none of these keys. What was read and written, for the comparison.</summary>
    public async Task<StateStoreDigest> CopyTo(IDatabase target, CancellationToken cancel)
    {
        var digest = new StateStoreDigest();
        var keys = new HashSet<RedisKey>();
        foreach (var some in All().Chunk(Together))
        {
            cancel.ThrowIfCancellationRequested();
            foreach (var entry in some)
            {
                if (keys.Add(entry.Key)) digest.AddKey();
                if (entry.Type == RedisType.SortedSet) digest.Add(entry.Key, new SortedSetEntry(entry.Field, entry.Score));
                else digest.Add(entry.Key, entry.Type, entry.Field, entry.Value);
            }

            await Task.WhenAll(some.GroupBy(entry => (entry.Key, entry.Type)).Select(group => Write(target, group.Key.Key, group.Key.Type, [.. group])));
        }

        return digest;
    }

    public IEnumerable<RedisEntry> All() => Records("s/", 's').SelectMany(State)
        .Concat(Records("n/", 'n').Select(found => new RedisEntry($"{serviceId}/nodes", RedisType.Set, found.Key.AsMemory(2), RedisValue.Null)))
        .Concat(Records("r/", 'r').Select(Reminder))
        .Concat(Unfinished().SelectMany(Entry));

    private static Task Write(IDatabase target, RedisKey key, RedisType type, RedisEntry[] entries)
    {
        Failpoint.Hit(Failpoints.MigrateCopying);
        return type switch
        {
            RedisType.Hash => target.HashSetAsync(key, [.. entries.Select(entry => new HashEntry(entry.Field, entry.Value))]),
            RedisType.Set => target.SetAddAsync(key, [.. entries.Select(entry => entry.Field)]),
            _ => target.SortedSetAddAsync(key, [.. entries.Select(entry => new SortedSetEntry(entry.Field, entry.Score))]),
        };
    }

    private IEnumerable<RedisEntry> State(FoundRecord found)
    {
        RedisKey key = $"{serviceId}/state/{Encoding.UTF8.GetString(found.Key.AsSpan(2))}";
        yield return new(key, RedisType.Hash, "etag", found.Etag.ToString("N"));
        yield return new(key, RedisType.Hash, "data", found.Value);
    }

    private RedisEntry Reminder(FoundRecord found)
    {
        var entry = EmbeddedReminders.Unpack(found);
        string[] parts =
        [
            entry.GrainId.GetUniformHashCode().ToString("X8", CultureInfo.InvariantCulture), entry.GrainId.ToString(), entry.ReminderName, entry.ETag!,
            entry.StartAt.ToString("O", CultureInfo.InvariantCulture), entry.Period.ToString(),
        ];
        return new($"{serviceId}/reminders", RedisType.SortedSet, JsonSerializer.Serialize(parts, Json)[1..^1], RedisValue.Null);
    }

    private IEnumerable<RedisEntry> Entry(FoundEntry found)
    {
        var bucket = found.Task[0].ToString("x2", CultureInfo.InvariantCulture);
        yield return new($"{serviceId}/unfinished/{bucket}", RedisType.Hash, found.Task, found.Record);
        if (found.Node is { } node) yield return new($"{serviceId}/marked/{bucket}", RedisType.Hash, found.Task, node);
        yield return new(new RedisKey($"{serviceId}/mine/").Append(found.User), RedisType.SortedSet, found.Task, RedisValue.Null, found.Created);
        yield return new($"{serviceId}/open", RedisType.SortedSet, found.Task, RedisValue.Null, found.Created);
    }

    private IEnumerable<FoundRecord> Records(string first, char kind)
    {
        var (from, below) = (StateStoreLayout.Key(first), StateStoreLayout.After(kind));
        while (true)
        {
            var at = from;
            var found = stateStore.Readers.Read(reader => reader.Range(at, below, Together));
            foreach (var record in found) yield return record;
            if (found.Count < Together) yield break;
            from = [.. found[^1].Key, 0]; // the next key there can be
        }
    }

    private IEnumerable<FoundEntry> Unfinished()
    {
        for (long? last = 0; last is { } after;)
        {
            var found = stateStore.Readers.Read(reader => reader.Scan(after, Together));
            foreach (var entry in found) yield return entry;
            last = found.Count < Together ? null : found[^1].Id;
        }
    }
}
