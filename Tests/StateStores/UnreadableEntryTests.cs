using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.StateStores;

/// <summary>One entry of the index that cannot be read, damaged or written by a later program, stands in the way of nothing.</summary>
public sealed class UnreadableEntryTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Index_OnTheEmbeddedStateStore_GoesAroundIt()
    {
        await using var stateStore = await temp.Start();
        await GoesAroundIt(stateStore);
    }

    [Fact]
    public async Task Index_OnARealRedis_GoesAroundIt()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        await GoesAroundIt(stateStore);
    }

    [Fact]
    public async Task RemoveAsRead_WrittenAnewSince_Stays()
    {
        await using var stateStore = await temp.Start();
        await KeepsWhatIsNewer(stateStore);
    }

    [Fact]
    public async Task RemoveAsRead_OnARealRedis_WrittenAnewSince_Stays()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var stateStore = await StateStore.Start(new StateStoreOptions { ConnectionString = redis.ConnectionString });
        await KeepsWhatIsNewer(stateStore);
    }

    [Fact]
    public void Schema_GrowsWithTheRecord_SoThatOlderProgramsDoNotStart()
    {
        Assert.Equal(UnfinishedRecord.Pack(Pending("anna", 1) with { FailedOn = "n" })[0], StateStoreVersions.Current.Schema);
        Assert.True(UnfinishedRecord.Pack(Pending("anna", 1))[0] <= StateStoreVersions.Current.Schema); // what says less is written as before
    }

    private static async Task GoesAroundIt(StateStore stateStore)
    {
        var tasks = Enumerable.Range(0, 40).Select(i => Pending("anna", i)).ToList();
        await stateStore.Unfinished.Add(tasks);
        var (newer, damaged) = (tasks[7], tasks[8]);
        await Overwrite(stateStore, newer, [9, 9, 9]);
        await Overwrite(stateStore, damaged, UnfinishedRecord.Pack(damaged)[..11]);
        await stateStore.Unfinished.Mark([damaged.TaskId], "n");

        var unreadable = new List<UnreadableEntry>();
        var read = new List<string>();
        await foreach (var entry in stateStore.Unfinished.Scan(default, unreadable.Add)) read.Add(entry.Task.TaskId);
        Assert.Equal(tasks.Except([newer, damaged]).Select(task => task.TaskId).Order(), read.Order());
        Assert.Equal(
            new[] { (newer.TaskId, (string?)null, true), (damaged.TaskId, "n", false) }.Order(),
            unreadable.Select(entry => (entry.TaskId, entry.MarkedNode, entry.IsNewer)).Order());

        var page = await stateStore.Unfinished.Page("anna", null, 0, 100);
        Assert.Equal(40, page.Count);
        Assert.Equal(new[] { newer.TaskId, damaged.TaskId }.Order(), page.Where(place => place.IsUnreadable).Select(place => place.Key.TaskId).Order());
        Assert.Equal(40, (await stateStore.Unfinished.Page("anna", null, 0, 100)).Count); // being read cost nobody its place

        await stateStore.Unfinished.Remove([damaged.TaskId, newer.TaskId, tasks[9].TaskId]);
        Assert.Equal(37, await stateStore.Unfinished.Count());
        await stateStore.Unfinished.Page("anna", null, 0, 100); // a place without an entry goes when it is seen
        Assert.Equal(37, (await stateStore.Unfinished.Page("anna", null, 0, 100)).Count);
        Assert.Equal(37, (await stateStore.Unfinished.Page(null, null, 0, 100)).Count);
    }

    private static async Task KeepsWhatIsNewer(StateStore stateStore)
    {
        var task = Pending("anna", 1);
        await stateStore.Unfinished.Add([task]);
        await stateStore.Unfinished.Mark([task.TaskId], "n");
        var before = await Only(stateStore);
        await stateStore.Unfinished.Add([task with { NotBefore = task.NotBefore.AddTicks(1) }]);
        Assert.False(await stateStore.Unfinished.RemoveAsRead(task.TaskId, before.Stored));

        await stateStore.Unfinished.AddMissing([task]); // there already: it stays what it is
        var now = await Only(stateStore);
        Assert.Equal(task.NotBefore.AddTicks(1), now.Task.NotBefore);

        Assert.True(await stateStore.Unfinished.RemoveAsRead(task.TaskId, now.Stored));
        Assert.False(await stateStore.Unfinished.RemoveAsRead(task.TaskId, now.Stored));
        Assert.Empty(await stateStore.Unfinished.Page("anna", null, 0, 10));
        Assert.Empty(await stateStore.Unfinished.Page(null, null, 0, 10));
        await stateStore.Unfinished.AddMissing([task]);
        Assert.Null((await Only(stateStore)).MarkedNode); // its mark went with it
        Assert.Single(await stateStore.Unfinished.Page("anna", null, 0, 10));
    }

    private static async Task<UnfinishedEntry> Only(StateStore stateStore)
    {
        var found = new List<UnfinishedEntry>();
        await foreach (var entry in stateStore.Unfinished.Scan()) found.Add(entry);
        return Assert.Single(found);
    }

    private static Task Overwrite(StateStore stateStore, PendingTask task, byte[] record) => stateStore is EmbeddedStateStore embedded ? embedded.Overwrite(task.TaskId, record) : stateStore.Redis.GetDatabase().HashSetAsync(
        $"{stateStore.Options.ServiceId}/unfinished/{task.TaskId[..2]}", Convert.FromHexString(task.TaskId), record);

    private static PendingTask Pending(string user, int n) => new(
        TaskIds.New(user, $"{n}"), user, "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), Start.AddSeconds(n), Start.AddSeconds(n));
}
