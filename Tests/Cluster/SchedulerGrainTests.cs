using System.Runtime.CompilerServices;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Scheduling;
using Microsoft.Extensions.DependencyInjection;
using Orleans.TestingHost;

namespace HiveMind.Tests.Cluster;

/// <summary>The shells in a silo: what they read, when they start, and that a node which cannot be reached costs nobody the task.</summary>
public sealed class SchedulerGrainTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly MemoryIndex _index = new();
    private InProcessTestCluster _cluster = null!;

    private ISchedulerGrain Scheduler => _cluster.Client.GetGrain<ISchedulerGrain>(Shards.Default);

    public async ValueTask InitializeAsync()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) => silo.AddScheduling().UseInMemoryReminderService().Services
            .AddSingleton<IUnfinishedIndex>(_index).AddSingleton<INodeIndex>(_index).AddSingleton<IOpenTasks>(_index));
        _cluster = builder.Build();
        await _cluster.DeployAsync();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task SiloStart_NobodyCalls_SweepsAndRebuildsTheQueueFromWhatIsUnmarked()
    {
        await Until(() => _index.Scans >= 2, "the sweep at start and the rebuild read the index");
        await Until(async () => (await Scheduler.GetCounts()).Pending == 2, "both unmarked entries wait");
        Assert.Equal(["marked", "unknown"], await Scheduler.Missing(["first", "marked", "second", "unknown"]));
    }

    [Fact]
    public async Task SiloStart_NobodyCalls_ReminderOfAMinuteIsRegistered()
    {
        var sweeper = _cluster.Client.GetGrain<ISweeperGrain>(Shards.Default);
        var table = _cluster.Silos[0].ServiceProvider.GetRequiredService<IReminderTable>();
        await Until(async () => (await table.ReadRows(sweeper.GetGrainId())).Reminders.Count > 0, "the sweeper has a reminder");
        Assert.Equal(TimeSpan.FromMinutes(1), Assert.Single((await table.ReadRows(sweeper.GetGrainId())).Reminders).Period);

        await Until(() => _index.Scans >= 2, "the read that fails is over");
        await sweeper.Sweep();
    }

    [Fact]
    public async Task Begin_WhileASweepLasts_NeverMakesAnother()
    {
        await Until(() => _index.Scans >= 2, "the read that fails is over");
        var sweeper = _cluster.Client.GetGrain<ISweeperGrain>(Shards.Default);
        await sweeper.Sweep();
        var (before, scans) = (await sweeper.Begin(-1), _index.Scans);
        _index.Gate = new TaskCompletionSource();

        for (var i = 0; i < 5; i++) Assert.Equal(before, await sweeper.Begin(before)); // as who was not answered in time asks again
        await Until(() => _index.Scans == scans + 1, "one has begun");
        _index.Gate.SetResult();

        await Until(async () => await sweeper.Begin(before) == before + 1, "it has come to its end");
        Assert.Equal(before + 1, await sweeper.Begin(before));
        Assert.Equal(scans + 1, _index.Scans);
    }

    [Fact]
    public async Task Offer_NodeCannotBeReached_TaskStaysAndTheNodeIsDropped()
    {
        await Scheduler.Enqueue([new TaskBuilder("mine")]);
        await Scheduler.NodeChanged("nowhere", new NodeBuilder("nowhere"));

        await Until(async () => (await Scheduler.GetCounts()).Nodes == 0, "the node is dropped after its failed offer");
        Assert.Empty(await Scheduler.Missing(["mine"]));
        Assert.Equal(WaitReasons.NoNodes, (await Scheduler.Explain("mine")).Reason);
        await Scheduler.Remove(["mine"]);
        Assert.Equal(["mine"], await Scheduler.Missing(["mine"]));
    }

    private static Task Until(Func<bool> condition, string what) => Until(() => Task.FromResult(condition()), what);

    private static async Task Until(Func<Task<bool>> condition, string what)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        while (!await condition())
        {
            Assert.False(deadline.IsCancellationRequested, $"never true: {what}");
            await Task.Delay(20);
        }
    }

    private sealed class MemoryIndex : IUnfinishedIndex, INodeIndex, IOpenTasks
    {
        private int _scans;

        /// <summary>A read lasts until it is open.</summary>
        public TaskCompletionSource Gate { get; set; } = Opened();

        private static TaskCompletionSource Opened()
        {
            var gate = new TaskCompletionSource();
            gate.SetResult();
            return gate;
        }

        public int Scans => Volatile.Read(ref _scans);

        public async IAsyncEnumerable<UnfinishedEntry> Scan(
            [EnumeratorCancellation] CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null)
        {
            // The first read fails: whoever meets that tries again.
            if (Interlocked.Increment(ref _scans) == 1) throw new IOException("away");
            await Task.Yield();
            await Gate.Task;
            yield return new UnfinishedEntry(new TaskBuilder("first"), null);
            yield return new UnfinishedEntry(new TaskBuilder("marked"), "n");
            yield return new UnfinishedEntry(new TaskBuilder("second"), null);
        }

        public Task<IReadOnlyList<string>> All() => Task.FromResult<IReadOnlyList<string>>([]);
        public Task Mark(IReadOnlyList<string> taskIds, string nodeId) => Task.CompletedTask;
        public Task Return(PendingTask task) => Task.CompletedTask;
        public Task<long> Count() => Task.FromResult(3L);
        public Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds) => throw new NotSupportedException();
        public Task EnsureListed(IReadOnlyList<PendingTask> tasks) => Task.CompletedTask;
        public Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most) => Task.FromResult<IReadOnlyList<OpenTask>>([]);
        public Task Add(IReadOnlyList<PendingTask> tasks) => Task.CompletedTask;
        public Task AddMissing(IReadOnlyList<PendingTask> tasks) => Task.CompletedTask;
        public Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored) => Task.FromResult(true);
        Task IUnfinishedIndex.Remove(IReadOnlyList<string> taskIds) => Task.CompletedTask;
        Task INodeIndex.Add(string nodeId) => Task.CompletedTask;
        Task INodeIndex.Remove(string nodeId) => Task.CompletedTask;
    }
}
