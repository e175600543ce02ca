using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Floors;

/// <summary>One entry of the index that cannot be read, damaged or written by a later program, stands in the way of nothing.</summary>
public sealed class UnreadableEntryTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);
    private readonly TempFloor temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task Index_OnTheEmbeddedFloor_GoesAroundIt()
    {
        await using var floor = await temp.Start();
        await GoesAroundIt(floor);
    }

    [Fact]
    public async Task Index_OnARealRedis_GoesAroundIt()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var floor = await Floor.Start(new FloorOptions { ConnectionString = redis.ConnectionString });
        await GoesAroundIt(floor);
    }

    [Fact]
    public async Task RemoveAsRead_WrittenAnewSince_Stays()
    {
        await using var floor = await temp.Start();
        await KeepsWhatIsNewer(floor);
    }

    [Fact]
    public async Task RemoveAsRead_OnARealRedis_WrittenAnewSince_Stays()
    {
        using var redis = await RealRedis.Start("--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction");
        await using var floor = await Floor.Start(new FloorOptions { ConnectionString = redis.ConnectionString });
        await KeepsWhatIsNewer(floor);
    }

    [Fact]
    public void Schema_GrowsWithTheRecord_SoThatOlderProgramsDoNotStart()
    {
        Assert.Equal(UnfinishedRecord.Pack(Pending("anna", 1) with { FailedOn = "n" })[0], FloorVersions.Current.Schema);
        Assert.True(UnfinishedRecord.Pack(Pending("anna", 1))[0] <= FloorVersions.Current.Schema); // what says less is written as before
    }

    private static async Task GoesAroundIt(Floor floor)
    {
        var tasks = Enumerable.Range(0, 40).Select(i => Pending("anna", i)).ToList();
        await floor.Unfinished.Add(tasks);
        var (newer, damaged) = (tasks[7], tasks[8]);
        await Overwrite(floor, newer, [9, 9, 9]);
        await Overwrite(floor, damaged, UnfinishedRecord.Pack(damaged)[..11]);
        await floor.Unfinished.Mark([damaged.TaskId], "n");

        var unreadable = new List<UnreadableEntry>();
        var read = new List<string>();
        await foreach (var entry in floor.Unfinished.Scan(default, unreadable.Add)) read.Add(entry.Task.TaskId);
        Assert.Equal(tasks.Except([newer, damaged]).Select(task => task.TaskId).Order(), read.Order());
        Assert.Equal(
            new[] { (newer.TaskId, (string?)null, true), (damaged.TaskId, "n", false) }.Order(),
            unreadable.Select(entry => (entry.TaskId, entry.MarkedNode, entry.IsNewer)).Order());

        var page = await floor.Unfinished.Page("anna", null, 0, 100);
        Assert.Equal(40, page.Count);
        Assert.Equal(new[] { newer.TaskId, damaged.TaskId }.Order(), page.Where(place => place.IsUnreadable).Select(place => place.Key.TaskId).Order());
        Assert.Equal(40, (await floor.Unfinished.Page("anna", null, 0, 100)).Count); // being read cost nobody its place

        await floor.Unfinished.Remove([damaged.TaskId, newer.TaskId, tasks[9].TaskId]);
        Assert.Equal(37, await floor.Unfinished.Count());
        await floor.Unfinished.Page("anna", null, 0, 100); // a place without an entry goes when it is seen
        Assert.Equal(37, (await floor.Unfinished.Page("anna", null, 0, 100)).Count);
        Assert.Equal(37, (await floor.Unfinished.Page(null, null, 0, 100)).Count);
    }

    private static async Task KeepsWhatIsNewer(Floor floor)
    {
        var task = Pending("anna", 1);
        await floor.Unfinished.Add([task]);
        await floor.Unfinished.Mark([task.TaskId], "n");
        var before = await Only(floor);
        await floor.Unfinished.Add([task with { NotBefore = task.NotBefore.AddTicks(1) }]);
        Assert.False(await floor.Unfinished.RemoveAsRead(task.TaskId, before.Stored));

        await floor.Unfinished.AddMissing([task]); // there already: it stays what it is
        var now = await Only(floor);
        Assert.Equal(task.NotBefore.AddTicks(1), now.Task.NotBefore);

        Assert.True(await floor.Unfinished.RemoveAsRead(task.TaskId, now.Stored));
        Assert.False(await floor.Unfinished.RemoveAsRead(task.TaskId, now.Stored));
        Assert.Empty(await floor.Unfinished.Page("anna", null, 0, 10));
        Assert.Empty(await floor.Unfinished.Page(null, null, 0, 10));
        await floor.Unfinished.AddMissing([task]);
        Assert.Null((await Only(floor)).MarkedNode); // its mark went with it
        Assert.Single(await floor.Unfinished.Page("anna", null, 0, 10));
    }

    private static async Task<UnfinishedEntry> Only(Floor floor)
    {
        var found = new List<UnfinishedEntry>();
        await foreach (var entry in floor.Unfinished.Scan()) found.Add(entry);
        return Assert.Single(found);
    }

    private static Task Overwrite(Floor floor, PendingTask task, byte[] record) => floor is EmbeddedFloor embedded ? embedded.Overwrite(task.TaskId, record) : floor.Redis.GetDatabase().HashSetAsync(
        $"{floor.Options.ServiceId}/unfinished/{task.TaskId[..2]}", Convert.FromHexString(task.TaskId), record);

    private static PendingTask Pending(string user, int n) => new(
        TaskIds.New(user, $"{n}"), user, "python", TaskPriority.Normal, new ResourceRequest(1000, 256, 0), Start.AddSeconds(n), Start.AddSeconds(n));
}
