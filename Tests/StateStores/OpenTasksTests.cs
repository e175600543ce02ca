using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.StateStores;

/// <summary>The lists of open tasks in the state store, on both engines.</summary>
public sealed class OpenTasksTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Lists_OnTheEmbeddedStateStore_KeepTheirPromises()
    {
        await using var stateStore = await temp.Start();
        await Promises(stateStore);
    }

    [Fact]
    public async Task Lists_OnARealRedis_KeepTheirPromises()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        await Promises(stateStore);
    }

    [Fact]
    public async Task Lists_AfterARestart_AreTheSame()
    {
        await using (var stateStore = await temp.Start())
        {
            await Add(stateStore, [.. Enumerable.Range(0, 50).Select(i => Open(i, i))]);
            await stateStore.Unfinished.Remove([Id(7)]);
        }

        await using var again = await temp.Start();
        Assert.Equal(Enumerable.Range(0, 50).Where(i => i != 7).Reverse().Select(Id), await All(again, "anna", 20));
    }

    [Fact]
    public async Task Lists_OfARedisFromBeforeThereWereAny_AreMadeFromTheIndex()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        PendingTask[] tasks = [.. Enumerable.Range(0, 300).Select(i => Open(i, i, i % 2 == 0 ? "anna" : "bob"))];
        await Add(stateStore, tasks);
        foreach (var key in new[] { "mine/anna", "mine/bob", "open" }) await stateStore.Redis.GetDatabase().KeyDeleteAsync($"{stateStore.Options.ServiceId}/{key}");
        Assert.Empty(await All(stateStore, null, 100));
        await stateStore.Unfinished.Remove([Id(4)]); // meanwhile ended: must not come back

        await stateStore.Unfinished.EnsureListed(tasks);

        Assert.Equal(tasks.Select(task => task.TaskId).Where(id => id != Id(4)).Reverse(), await All(stateStore, null, 100));
        Assert.Equal(150, (await All(stateStore, "bob", 100)).Count);
    }

    [Fact]
    public async Task Page_MoreThanASmallSet_IsReadInStretchesAndIsTheSame()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        // Two crowds an hour apart, several in each millisecond.
        PendingTask[] tasks = [.. Enumerable.Range(0, 5000).Select(i => Open(i, (i < 2500 ? 0 : 3_600_000) + (i / 10)))];
        await Add(stateStore, tasks);
        Assert.Equal(tasks.Select(Key).Order(TaskKey.NewestFirst).Select(key => key.TaskId), await All(stateStore, "anna", 700));
        var from = Start.ToUnixTimeMilliseconds() + 200;
        Assert.Equal(3000, (await All(stateStore, "anna", 700, from)).Count);
    }

    private static async Task Promises(StateStore stateStore)
    {
        // Ten share each millisecond, so that pages end in the middle of one.
        PendingTask[] tasks = [.. Enumerable.Range(0, 95).Select(i => Open(i, i / 10, i % 3 == 0 ? "bob" : "anna"))];
        await Add(stateStore, tasks);
        var expected = tasks.Select(Key).Order(TaskKey.NewestFirst).Select(key => key.TaskId).ToList();
        Assert.Equal(expected, await All(stateStore, null, 7));
        Assert.Equal(expected.Where(id => tasks.Single(task => task.TaskId == id).UserId == "bob"), await All(stateStore, "bob", 4));

        // Again with another time, as after a birth that failed: one place, the new one.
        await stateStore.Unfinished.Add([Open(0, 50, "bob")]);
        Assert.Equal(Id(0), (await stateStore.Unfinished.Page("bob", null, 0, 1))[0].Key.TaskId);
        Assert.Equal(95, (await All(stateStore, null, 50)).Count);

        await stateStore.Unfinished.Remove([.. tasks.Where(task => task.UserId == "bob").Select(task => task.TaskId)]);
        Assert.Empty(await All(stateStore, "bob", 10));
        Assert.Equal(expected.Where(id => tasks.Single(task => task.TaskId == id).UserId == "anna"), await All(stateStore, null, 10));

        // One that waits again: its entry says from when on, and nobody holds it. One that has ended does not come back.
        var again = tasks.First(task => task.UserId == "anna") with { NotBefore = Start.AddHours(1), StartBy = Start.AddHours(2) };
        await stateStore.Unfinished.Mark([again.TaskId], "node");
        await stateStore.Unfinished.Return(again);
        await stateStore.Unfinished.Return(tasks.First(task => task.UserId == "bob"));
        var entries = new List<UnfinishedEntry>();
        await foreach (var entry in stateStore.Unfinished.Scan()) entries.Add(entry with { Stored = default });
        Assert.Equal(tasks.Count(task => task.UserId == "anna"), entries.Count);
        Assert.Equal(new UnfinishedEntry(again, null), entries.Single(entry => entry.Task.TaskId == again.TaskId));
        Assert.Empty(await All(stateStore, "bob", 10));

        if (stateStore.Options.IsEmbedded) return; // there an entry is its own place
        // A place without an entry, as an older version's removal leaves one: shown without its task once, then gone.
        var db = stateStore.Redis.GetDatabase();
        foreach (var set in new[] { "mine/anna", "open" })
            await db.SortedSetAddAsync($"{stateStore.Options.ServiceId}/{set}", Convert.FromHexString(Id(999)), Start.ToUnixTimeMilliseconds() + 9000);
        Assert.Null((await stateStore.Unfinished.Page("anna", null, 0, 1))[0].Task);
        Assert.NotNull((await stateStore.Unfinished.Page("anna", null, 0, 1))[0].Task);
        Assert.NotNull((await stateStore.Unfinished.Page(null, null, 0, 1))[0].Task);
    }

    private static Task Add(StateStore stateStore, PendingTask[] tasks) => stateStore.Unfinished.Add(tasks);

    private static async Task<List<string>> All(StateStore stateStore, string? userId, int size, long fromMs = 0)
    {
        var ids = new List<string>();
        TaskKey? below = null;
        while (true)
        {
            var page = await stateStore.Unfinished.Page(userId, below, fromMs, size);
            ids.AddRange(page.Select(place => place.Key.TaskId));
            if (page.Count < size) return ids;
            below = page[^1].Key;
        }
    }

    private static string Id(int number) => $"{number * 7919 % 256:x2}{number:x30}";

    private static TaskKey Key(PendingTask task) => new(task.SubmittedAt.ToUnixTimeMilliseconds(), task.TaskId);

    private static PendingTask Open(int number, double ms, string user = "anna")
    {
        var at = Start.AddMilliseconds(ms).AddTicks(number % 7);
        return new(Id(number), user, "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), at, at);
    }
}
