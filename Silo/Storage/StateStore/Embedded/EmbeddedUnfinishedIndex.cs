using System.Runtime.CompilerServices;
using System.Text;
using HiveMind.Faults;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// The unfinished index and its lists in one table of the embedded state store: an entry and its place in the lists are the same row. Nothing here
/// waits for its commit: the births and grants that come after it stand in the same transaction or a later one.
/// </summary>
internal sealed class EmbeddedUnfinishedIndex(GroupCommit commit, StateStoreReaders readers) : IStateStoreIndex
{
    private const int ScanRows = 1000;

    public Task Add(IReadOnlyList<PendingTask> tasks)
    {
        var rows = tasks.Select(Row.Of).ToList();
        var ordered = commit.Order(change =>
        {
            foreach (var row in rows)
            {
                // A mark that is there stays, as beside an entry in Redis.
                if (row.TryAdd(change)) continue;
                var old = change.FindEntry(row.Task)!;
                row.Put(change, old, old.Node);
            }
        });
        Failpoint.Hit(Failpoints.SubmitAfterEntry);
        return ordered;
    }

    public Task AddMissing(IReadOnlyList<PendingTask> tasks)
    {
        var rows = tasks.Select(Row.Of).ToList();
        return commit.Order(change =>
        {
            foreach (var row in rows) row.TryAdd(change);
        });
    }

    public Task Mark(IReadOnlyList<string> taskIds, string nodeId)
    {
        var (tasks, node) = (taskIds.Select(StateStoreLayout.Task).ToList(), Encoding.UTF8.GetBytes(nodeId));
        return commit.Order(change =>
        {
            foreach (var task in tasks)
                if (change.FindEntry(task) is { } entry) change.SetEntry(entry, task, entry.User, entry.Created, entry.Record, node);
        });
    }

    public Task Return(PendingTask task)
    {
        var row = Row.Of(task);
        return commit.Order(change =>
        {
            // Never an entry that was removed meanwhile: a task that has ended would come back.
            if (change.FindEntry(row.Task) is { } old) row.Put(change, old, node: null);
        });
    }

    public Task Remove(IReadOnlyList<string> taskIds)
    {
        var tasks = taskIds.Select(StateStoreLayout.Task).ToList();
        return commit.Order(change =>
        {
            foreach (var task in tasks)
                if (change.FindEntry(task) is { } entry) change.RemoveEntry(entry);
        });
    }

    public Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored)
    {
        var task = StateStoreLayout.Task(taskId);
        return commit.Write(change =>
        {
            if (change.FindEntry(task) is not { } entry || !entry.Record.AsSpan().SequenceEqual(stored.Span)) return false;
            change.RemoveEntry(entry);
            return true;
        });
    }

    public Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds)
    {
        var tasks = taskIds.Distinct().Select(id => (Id: id, Key: StateStoreLayout.Task(id))).ToList();
        return Read(reader => (IReadOnlyDictionary<string, string?>)tasks.Select(task => (task.Id, Entry: reader.FindEntry(task.Key)))
            .Where(found => found.Entry is not null).ToDictionary(found => found.Id, found => Node(found.Entry!.Value)));
    }

    public async Task<long> Count() => await Read(reader => reader.Count());

    public async IAsyncEnumerable<UnfinishedEntry> Scan(
        [EnumeratorCancellation] CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null)
    {
        var words = new HashSet<string>();
        var last = 0L;
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            // One short read after the other: a long one would hold up the checkpoints.
            var after = last;
            var found = await Read(reader => reader.Scan(after, ScanRows));
            foreach (var entry in found)
            {
                var (id, node) = (Id(entry), Node(entry));
                if (UnfinishedRecord.TryUnpack(id, entry.Record, words, out var task, out var isNewer)) yield return new(task, node) { Stored = entry.Record };
                else unreadable?.Invoke(new(id, node, isNewer, entry.Record));
            }

            if (found.Count < ScanRows) yield break;
            last = found[^1].Id;
        }
    }

    public async Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most)
    {
        var user = userId is null ? null : Encoding.UTF8.GetBytes(userId);
        var (belowMs, belowTask) = below is { } key ? (key.CreatedMs, key.TaskId.Length == 0 ? [] : StateStoreLayout.Task(key.TaskId)) : (long.MaxValue, Array.Empty<byte>());
        var found = await Read(reader => reader.Page(user, fromMs, belowMs, belowTask, most));
        return [.. found.Select(Place)];
    }

    public Task EnsureListed(IReadOnlyList<PendingTask> tasks) => Task.CompletedTask; // an entry is its own place

    private static OpenTask Place(FoundEntry entry) =>
        UnfinishedRecord.TryUnpack(Id(entry), entry.Record, null, out var task, out _)
            ? new(new(entry.Created, Id(entry)), task) : new(new(entry.Created, Id(entry)), null) { IsUnreadable = true };

    private static string? Node(FoundEntry entry) => entry.Node is null ? null : Encoding.UTF8.GetString(entry.Node);

    private static string Id(FoundEntry entry) => Convert.ToHexStringLower(entry.Task);

    private async Task<T> Read<T>(Func<StateStoreReader, T> query)
    {
        await commit.Settled(); // what this silo has written before it reads
        return await Task.Run(() => readers.Read(query));
    }

    private readonly record struct Row(byte[] Task, byte[] User, long Created, byte[] Record)
    {
        public static Row Of(PendingTask task) => new(
            StateStoreLayout.Task(task.TaskId), Encoding.UTF8.GetBytes(task.UserId), task.SubmittedAt.ToUnixTimeMilliseconds(), UnfinishedRecord.Pack(task));

        public bool TryAdd(StateStoreChange change) => change.TryAddEntry(Task, User, Created, Record, node: null);

        public void Put(StateStoreChange change, StoredEntry old, byte[]? node) => change.SetEntry(old, Task, User, Created, Record, node);
    }
}
