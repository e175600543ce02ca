using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Floors;

public sealed class EmbeddedFloorTests : IDisposable
{
    private readonly TempFloor temp = new();

    public void Dispose() => temp.Dispose();

    [Fact]
    public async Task UnfinishedIndex_AddMarkReturnRemove_ScanTellsAndRestartKeeps()
    {
        var tasks = Enumerable.Range(0, 600).Select(n => Pending(TaskIds.New("ann", $"{n}"))).ToList();
        await using (var floor = await temp.Start())
        {
            await floor.Unfinished.Add(tasks);
            await floor.Unfinished.Mark([.. tasks.Take(300).Select(task => task.TaskId)], "node-é");
            tasks[0] = tasks[0] with { NotBefore = tasks[0].NotBefore.AddSeconds(7), StartBy = tasks[0].NotBefore.AddHours(1) };
            await floor.Unfinished.Return(tasks[0]);
            await floor.Unfinished.Remove([.. tasks.Skip(100).Take(100).Select(task => task.TaskId)]);
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
        await using var floor = await temp.Start();
        await Assert.ThrowsAsync<ArgumentException>(async () => await floor.Unfinished.Add([Pending("../etc/passwd")]));
    }

    [Fact]
    public async Task NodeIndex_AddRemove_AllTells()
    {
        await using var floor = await temp.Start();
        await floor.Nodes.Add("a");
        await floor.Nodes.Add("b");
        await floor.Nodes.Add("b");
        await floor.Nodes.Remove("a");

        Assert.Equal(["b"], await floor.Nodes.All());
    }

    [Fact]
    public async Task Join_SameStoresAgain_SequenceGrowsAndOtherBooksAreRefused()
    {
        var books = new FakeBooks("books-1");
        await using (var floor = await temp.Start())
        {
            await floor.Meta.Join(books, "files-1", acceptLostFloor: false);
            var joined = books.NotedSequence;
            await floor.Meta.Advance();
            Assert.True(books.NotedSequence > joined);
            Assert.Equal(books.NotedSequence, (await floor.Meta.Read())!.Confirmed);
        }

        var before = books.NotedSequence;

        await using var again = await temp.Start();
        await again.Meta.Join(books, "files-1", acceptLostFloor: false);
        Assert.True(books.NotedSequence > before);
        Assert.Equal(books.NotedSequence, (await again.Meta.Read())!.Confirmed);
        Assert.Equal(books.FloorId, (await again.Meta.Read())!.FloorId);
        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => again.Meta.Join(new FakeBooks("books-2"), "files-1", true));
        Assert.Single(refused.Problems);
    }

    [Fact]
    public async Task Join_BooksOfAnOlderMoment_RefusedUnlessAcceptedAndGoodFromThenOn()
    {
        var books = new FakeBooks("books-1");
        await using var floor = await temp.Start();
        await floor.Meta.Join(books, "files-1", acceptLostFloor: false);
        var older = new FakeBooks("books-1") { FloorId = books.FloorId, NotedSequence = books.NotedSequence };
        await floor.Meta.Advance();

        var refused = await Assert.ThrowsAsync<StartRefusedException>(() => floor.Meta.Join(older, "files-1", acceptLostFloor: true));
        Assert.Contains(StoreMatch.AcceptOlderBooksFlag, Assert.Single(refused.Problems), StringComparison.Ordinal);

        await floor.Meta.Join(older, "files-1", acceptLostFloor: false, acceptOlderBooks: true);
        await floor.Meta.Join(older, "files-1", acceptLostFloor: false);
    }

    [Fact]
    public async Task Join_FloorLost_RefusedUnlessAccepted()
    {
        var books = new FakeBooks("books-1") { FloorId = "gone", NotedSequence = 7 };
        await using var floor = await temp.Start();

        await Assert.ThrowsAsync<StartRefusedException>(() => floor.Meta.Join(books, "files-1", acceptLostFloor: false));
        await floor.Meta.Join(books, "files-1", acceptLostFloor: true);

        Assert.Equal((await floor.Meta.Read())!.FloorId, books.FloorId);
    }

    [Fact]
    public async Task Health_FloorUp_NullAndFloorStopped_SaysSo()
    {
        var floor = await temp.Start();
        await using (floor)
        {
            Assert.Null(await floor.Health.Check(TimeSpan.FromSeconds(10)));
        }

        Assert.Contains("failed", await floor.Health.Check(TimeSpan.FromSeconds(1)), StringComparison.Ordinal);
    }

    private static async Task<Dictionary<PendingTask, string?>> Entries(Floor floor)
    {
        var found = new Dictionary<PendingTask, string?>();
        await foreach (var entry in floor.Unfinished.Scan())
        {
            found.Add(entry.Task, entry.MarkedNode);
        }
        return found;
    }

    private static PendingTask Pending(string id) => new(
        id, "ann", "python", TaskPriority.Low, new ResourceRequest(500, 128, 0), DateTimeOffset.UnixEpoch.AddDays(1), DateTimeOffset.MinValue);

    private sealed class FakeBooks(string id) : IStoreIdentity
    {
        public string BooksId => id;
        public string? FloorId { get; set; }
        public long NotedSequence { get; set; }

        public Task NoteFloor(string floorId, long sequence)
        {
            (FloorId, NotedSequence) = (floorId, sequence);
            return Task.CompletedTask;
        }
    }
}
