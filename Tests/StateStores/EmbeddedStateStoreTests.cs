using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.StateStores;

public sealed class EmbeddedStateStoreTests : IDisposable
{
    private readonly TempStateStore temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task UnfinishedIndex_AddMarkReturnRemove_ScanTellsAndRestartKeeps()
    {
        var tasks = Enumerable.Range(0, 600).Select(n => Pending(TaskIds.New("ann", $"{n}"))).ToList();
        await using (var stateStore = await temp.Start())
        {
            await stateStore.Unfinished.Add(tasks);
            await stateStore.Unfinished.Mark([.. tasks.Take(300).Select(task => task.TaskId)], "node-é");
            tasks[0] = tasks[0] with { NotBefore = tasks[0].NotBefore.AddSeconds(7), StartBy = tasks[0].NotBefore.AddHours(1) };
            await stateStore.Unfinished.Return(tasks[0]);
            await stateStore.Unfinished.Remove([.. tasks.Skip(100).Take(100).Select(task => task.TaskId)]);
        }

        await using var again = await temp.Start();
        var found = await Entries(again);

        Assert.Equal(500, await again.Unfinished.Count());
        Assert.Equal(tasks.Take(100).Concat(tasks.Skip(200)).ToHashSet(), found.Keys.ToHashSet());
        Assert.Null(found[tasks[0]]);
        Assert.Equal(199, found.Values.Count(node => node == "node-é"));
        await again.Unfinished.Return(tasks[100]); // it has ended meanwhile: it does not come back
        Assert.Equal(500, await again.Unfinished.Count());
        // The mark went with the entry: a task of that id that is born again is not on a node.
        await again.Unfinished.Add([tasks[100]]);
        Assert.Null((await Entries(again))[tasks[100]]);
    }

    [Fact]
    public async Task UnfinishedIndex_NoTaskId_Refused()
    {
        await using var stateStore = await temp.Start();
        await Assert.ThrowsAsync<ArgumentException>(async () => await stateStore.Unfinished.Add([Pending("../etc/passwd")]));
    }

    [Fact]
    public async Task NodeIndex_AddRemove_AllTells()
    {
        await using var stateStore = await temp.Start();
        await stateStore.Nodes.Add("a");
        await stateStore.Nodes.Add("b");
        await stateStore.Nodes.Add("b");
        await stateStore.Nodes.Remove("a");

        Assert.Equal(["b"], await stateStore.Nodes.All());
    }

    [Fact]
    public async Task Join_SameStoresAgain_SequenceGrowsAndOtherDatabaseAreRefused()
    {
        var database = new FakeDatabase("books-1");
        await using (var stateStore = await temp.Start())
        {
            await stateStore.Meta.Join(database, "files-1", acceptLostStateStore: false);
            var joined = database.NotedSequence;
            await stateStore.Meta.Advance();
            Assert.True(database.NotedSequence > joined);
            Assert.Equal(database.NotedSequence, (await stateStore.Meta.Read())!.Confirmed);
        }

        var before = database.NotedSequence;

        await using var again = await temp.Start();
        await again.Meta.Join(database, "files-1", acceptLostStateStore: false);
        Assert.True(database.NotedSequence > before);
        Assert.Equal(database.NotedSequence, (await again.Meta.Read())!.Confirmed);
        Assert.Equal(database.StateStoreId, (await again.Meta.Read())!.StateStoreId);
        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => again.Meta.Join(new FakeDatabase("books-2"), "files-1", true));
        Assert.Single(refused.Problems);
    }

    [Fact]
    public async Task Join_DatabaseOfAnOlderMoment_RefusedUnlessAcceptedAndGoodFromThenOn()
    {
        var database = new FakeDatabase("books-1");
        await using var stateStore = await temp.Start();
        await stateStore.Meta.Join(database, "files-1", acceptLostStateStore: false);
        var older = new FakeDatabase("books-1") { StateStoreId = database.StateStoreId, NotedSequence = database.NotedSequence };
        await stateStore.Meta.Advance();

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => stateStore.Meta.Join(older, "files-1", acceptLostStateStore: true));
        Assert.Contains(StoreMatch.AcceptOlderDatabaseFlag, Assert.Single(refused.Problems), StringComparison.Ordinal);

        await stateStore.Meta.Join(older, "files-1", acceptLostStateStore: false, acceptOlderDatabase: true);
        await stateStore.Meta.Join(older, "files-1", acceptLostStateStore: false);
    }

    [Fact]
    public async Task Join_StateStoreLost_RefusedUnlessAccepted()
    {
        var database = new FakeDatabase("books-1") { StateStoreId = "gone", NotedSequence = 7 };
        await using var stateStore = await temp.Start();

        await Assert.ThrowsAsync<StartRefusedException>(() => stateStore.Meta.Join(database, "files-1", acceptLostStateStore: false));
        await stateStore.Meta.Join(database, "files-1", acceptLostStateStore: true);

        Assert.Equal((await stateStore.Meta.Read())!.StateStoreId, database.StateStoreId);
    }

    [Fact]
    public async Task Health_StateStoreUp_NullAndStateStoreStopped_SaysSo()
    {
        var stateStore = await temp.Start();
        await using (stateStore)
        {
            Assert.Null(await stateStore.Health.Check(TimeSpan.FromSeconds(10)));
        }

        Assert.Contains("failed", await stateStore.Health.Check(TimeSpan.FromSeconds(1)), StringComparison.Ordinal);
    }

    private static async Task<Dictionary<PendingTask, string?>> Entries(StateStore stateStore)
    {
        var found = new Dictionary<PendingTask, string?>();
        await foreach (var entry in stateStore.Unfinished.Scan())
        {
            found.Add(entry.Task, entry.MarkedNode);
        }
        return found;
    }

    private static PendingTask Pending(string id) => new(
        id, "ann", "python", TaskPriority.Low, new ResourceRequest(500, 128, 0), DateTimeOffset.UnixEpoch.AddDays(1), DateTimeOffset.MinValue);

    private sealed class FakeDatabase(string id) : IStoreIdentity
    {
        public string DatabaseId => id;
        public string? StateStoreId { get; set; }
        public long NotedSequence { get; set; }

        public Task NoteStateStore(string stateStoreId, long sequence)
        {
            (StateStoreId, NotedSequence) = (stateStoreId, sequence);
            return Task.CompletedTask;
        }
    }
}
