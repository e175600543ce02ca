using System.Runtime.CompilerServices;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Tests.Scheduling;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace HiveMind.Tests.Cluster;

public sealed class UnfinishedSweepTests
{
    private static readonly TaskExamination Missing = new(TaskExaminationKind.Missing, null, null, null);
    private static readonly TaskExamination Ended = new(TaskExaminationKind.Ended, null, null, null);

    private readonly FakeTimeProvider _time = new(TaskBuilder.Epoch);
    private readonly World _world = new();

    private readonly UnfinishedSweep _sweep;

    public UnfinishedSweepTests() => _sweep = new(_world, _world, _world, _world, _time, NullLogger<UnfinishedSweep>.Instance);

    private IEnumerable<string> DoneTo(string taskId) => _world.Done.Where(step => step.Split(' ')[1] == taskId);

    private Task Sweep() => _sweep.Run(CancellationToken.None);

    private static TaskExamination Pending(PendingTask task) => new(TaskExaminationKind.Pending, null, null, task);

    private static TaskExamination OnNode(string taskId, string nodeId, int attempt) => new(
        TaskExaminationKind.OnNode, nodeId,
        new TaskAssignment(taskId, attempt, new TaskSpec
        {
            UserId = "anna",
            TaskType = "python",
            Payload = BlobRef.Empty,
            Resources = ResourceMath.Nothing,
        }),
        null);

    [Fact]
    public async Task Run_EntryWithoutRecordForLong_IsRemoved()
    {
        _world.Entry(new TaskBuilder("t"), null, Missing);
        await Sweep();
        _time.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        await Sweep();
        Assert.Equal(["remove t"], _world.Done);
    }

    [Fact]
    public async Task Run_EntryWithoutRecordJustSeen_IsLeftHoweverOldItSaysItIs()
    {
        _world.Entry(new TaskBuilder("t"), null, Missing);
        _time.Advance(TimeSpan.FromHours(1)); // by this clock; the silo that wrote it has another, or this one was just set
        await Sweep();
        _time.Advance(SweepRules.BirthBound);
        await Sweep();
        Assert.Empty(_world.Done);
        Assert.Equal(2, _world.Examined);
    }

    [Fact]
    public async Task Run_EntryWrittenAnewSinceItWasRead_StaysAndCountsFromThenOn()
    {
        _world.Entry(new TaskBuilder("t"), null, Missing);
        await Sweep();
        _time.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        _world.OnRemove = id => _world.Stored[id] = [2]; // the submit is repeated just now
        await Sweep();
        _world.OnRemove = _ => { };
        await Sweep();
        Assert.Empty(_world.Done);
    }

    [Fact]
    public async Task Run_OrphanThatIsBornWhileItIsRemoved_IsPutBackAndWaits()
    {
        var task = new TaskBuilder("t").Build();
        _world.Entry(task, null, Missing);
        await Sweep();
        _time.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        _world.OnRemove = id => _world.Record(id, Pending(task)); // a silo that stood still goes on
        await Sweep();
        Assert.Equal(["remove t", "add t", "enqueue t +0"], _world.Done);
    }

    [Fact]
    public async Task Run_EntryThatCannotBeRead_StopsNothingAndItsTaskIsAsked()
    {
        var (damaged, newer) = (new TaskBuilder("damaged").Build(), new TaskBuilder("newer").Build());
        foreach (var (task, isNewer) in new[] { (damaged, false), (newer, true) })
        {
            _world.Unreadable.Add(new(task.TaskId, null, isNewer, new byte[] { 9 }));
            _world.Record(task.TaskId, Pending(task));
        }
        _world.Entry(new TaskBuilder("good"), null, Pending(new TaskBuilder("good")));
        await Sweep();
        // In which order tasks are mended is open; the steps of each are not.
        Assert.Equal(["enqueue good +0"], DoneTo("good"));
        Assert.Equal(["return damaged +0", "enqueue damaged +0"], DoneTo("damaged"));
        Assert.Equal(["enqueue newer +0"], DoneTo("newer"));
        Assert.Equal(4, _world.Done.Count);
        Assert.Equal(2, _sweep.Unreadable);
    }

    [Fact]
    public async Task Run_UnreadableEntryWithoutATask_IsRemovedUnlessALaterProgramWroteIt()
    {
        foreach (var (id, isNewer) in new[] { ("damaged", false), ("newer", true) })
        {
            _world.Unreadable.Add(new(id, null, isNewer, new byte[] { 9 }));
            _world.Stored[id] = [9];
            _world.Record(id, Missing);
        }
        await Sweep();
        _time.Advance(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        await Sweep();
        Assert.Equal(["remove damaged"], _world.Done);
    }

    [Fact]
    public async Task Run_AMillionUnreadable_AboutAThousandTasksAreAskedInASweep()
    {
        for (var i = 0; i < 20_000; i++)
        {
            var task = new TaskBuilder($"{i:x32}").Build();
            _world.Unreadable.Add(new(task.TaskId, null, true, ReadOnlyMemory<byte>.Empty));
            _world.Record(task.TaskId, Pending(task));
        }
        await Sweep();
        Assert.InRange(_world.Examined, 1, 2 * SweepRules.MostChecked);
        var before = _world.Examined;
        await Sweep();
        Assert.InRange(_world.Examined - before, 500, 2 * SweepRules.MostChecked);
    }

    [Fact]
    public async Task Run_PendingButMarkedAndNotQueued_IsReturnedAndQueuedAsItsRecordSays()
    {
        var task = new TaskBuilder("t").Build();
        _world.Entry(task, "n", Pending(task with { NotBefore = TaskBuilder.Epoch.AddSeconds(7) }));
        await Sweep();
        Assert.Equal(["return t +7", "enqueue t +7"], _world.Done);
    }

    [Fact]
    public async Task Run_QueuedAlready_IsNotEvenExamined()
    {
        _world.Entry(new TaskBuilder("t"), null, Pending(new TaskBuilder("t")));
        _world.Queued.Add("t");
        await Sweep();
        Assert.Empty(_world.Done);
        Assert.Equal(0, _world.Examined);
    }

    [Fact]
    public async Task Run_OnANodeThatHoldsIt_IsClaimedAndStays()
    {
        _world.Entry(new TaskBuilder("t"), "n", OnNode("t", "n", 2));
        _world.Holders.Add("n");
        await Sweep();
        Assert.Equal(["claim t 2 n"], _world.Done);
    }

    [Fact]
    public async Task Run_OnANodeThatDoesNotHoldIt_AttemptIsLost()
    {
        _world.Entry(new TaskBuilder("t"), "n", OnNode("t", "n", 2));
        await Sweep();
        Assert.Equal(["claim t 2 n", "lost t 2 n"], _world.Done);
    }

    [Fact]
    public async Task Run_OnANodeButUnmarked_GetsItsMarkBack()
    {
        _world.Entry(new TaskBuilder("t"), null, OnNode("t", "n", 1));
        _world.Holders.Add("n");
        await Sweep();
        Assert.Equal(["mark t n", "claim t 1 n"], _world.Done);
    }

    [Fact]
    public async Task Run_Ended_ExaminingItIsAll()
    {
        _world.Entry(new TaskBuilder("t"), "n", Ended);
        await Sweep();
        Assert.Empty(_world.Done);
        Assert.Equal(1, _world.Examined);
    }

    [Fact]
    public async Task Run_OneTaskFails_TheRestGoesOn()
    {
        _world.Entry(new TaskBuilder("bad"), "n", null);
        _world.Entry(new TaskBuilder("good"), "n", Pending(new TaskBuilder("good")));
        await Sweep();
        Assert.Equal(["return good +0", "enqueue good +0"], _world.Done);
    }

    [Fact]
    public async Task Run_ManyEntries_EveryOneIsMendedWithBoundedConcurrency()
    {
        for (var i = 0; i < 2500; i++) _world.Entry(new TaskBuilder($"t{i:0000}"), null, Pending(new TaskBuilder($"t{i:0000}")));
        await Sweep();
        Assert.Equal(2500, _world.Queued.Count);
        Assert.InRange(_world.MostTogether, 2, 32);
    }

    [Fact]
    public async Task Run_EveryEntry_IsMadeSureToBeListed()
    {
        for (var i = 0; i < 1500; i++) _world.Entry(new TaskBuilder($"t{i:0000}"), null, Pending(new TaskBuilder($"t{i:0000}")));
        await Sweep();
        Assert.Equal(Enumerable.Range(0, 1500).Select(i => $"t{i:0000}"), _world.Listed);
    }

    [Fact]
    public async Task Run_EveryRegisteredNode_IsTouched()
    {
        _world.Nodes.AddRange(["m", "n"]);
        await Sweep();
        Assert.Equal(["touch m", "touch n"], _world.Done);
    }

    [Fact]
    public async Task Run_IndexAway_Throws()
    {
        _world.Broken = true;
        await Assert.ThrowsAsync<IOException>(Sweep);
    }

    [Fact]
    public void Examines_LongKnownEntry_OnceInSoManySweeps()
    {
        var entry = new UnfinishedEntry(new TaskBuilder("t"), null);
        var later = TaskBuilder.Epoch + SweepRules.TrustBound;
        Assert.Equal(1, Enumerable.Range(0, 10).Count(sweep => SweepRules.Examines(entry, true, sweep, SweepRules.CheckEvery(9000), later)));
        Assert.DoesNotContain(
            Enumerable.Range(0, 10), sweep => SweepRules.Examines(entry, true, sweep, SweepRules.CheckEvery(9000), later.AddSeconds(-1)));
    }

    [Fact]
    public void Examines_AMillionKnownEntries_AboutAThousandInASweep()
    {
        var every = SweepRules.CheckEvery(1_000_000);
        var later = TaskBuilder.Epoch + SweepRules.TrustBound;
        var examined = Enumerable.Range(0, 100_000).Count(i => SweepRules.Examines(new UnfinishedEntry(new TaskBuilder($"{i:x32}"), null), true, 7, every, later));
        Assert.InRange(examined, 50, 200);
    }

    [Fact]
    public async Task Run_SchedulerReadsTheIndexItself_OnlyMarkedEntriesAreExamined()
    {
        _world.IsWhole = false;
        for (var i = 0; i < 1500; i++) _world.Entry(new TaskBuilder($"t{i:0000}"), null, Pending(new TaskBuilder($"t{i:0000}")));
        _world.Entry(new TaskBuilder("held"), "n", Pending(new TaskBuilder("held")));
        await Sweep();
        Assert.Equal(["return held +0", "enqueue held +0"], _world.Done);
        Assert.Equal(1, _world.Examined);
        _world.IsWhole = true;
        await Sweep();
        Assert.Equal(1501, _world.Queued.Count);
    }

    [Fact]
    public void Examines_KnownButPastItsTimeToStart_Always()
    {
        var entry = new UnfinishedEntry(new TaskBuilder("t").Build() with { StartBy = TaskBuilder.Epoch.AddSeconds(30) }, null);
        Assert.False(SweepRules.Examines(entry, true, 1, SweepRules.CheckEvery(1), TaskBuilder.Epoch.AddSeconds(29)));
        Assert.True(SweepRules.Examines(entry, true, 1, SweepRules.CheckEvery(1), TaskBuilder.Epoch.AddSeconds(30)));
    }

    [Fact]
    public async Task Run_EntryThatSaysOtherThanTheRecord_IsPutRight()
    {
        var task = new TaskBuilder("t").Build();
        _world.Entry(task, null, Pending(task with { StartBy = TaskBuilder.Epoch.AddSeconds(30) }));
        await Sweep();
        Assert.Equal(["return t +0", "enqueue t +0"], _world.Done);
    }

    [Fact]
    public async Task Run_SchedulerHasWhatTheIndexHasNot_EndedOnesLeaveItsQueueAndWaitingOnesAreBackInTheIndex()
    {
        var waits = new TaskBuilder("waits").Build();
        _world.Unnamed.UnionWith(["ended", "gone", "waits", "away"]);
        _world.Record("ended", Ended);
        _world.Record("gone", Missing);
        _world.Record("waits", Pending(waits));
        _world.Record("away", null);
        await Sweep();
        Assert.Equal(["add-missing waits", "dequeue ended", "dequeue gone"], _world.Done.Order());
    }

    [Fact]
    public async Task Run_SchedulerReadsTheIndexToo_NothingIsTakenForForgotten()
    {
        _world.Entry(new TaskBuilder("t"), null, Pending(new TaskBuilder("t")));
        _world.IsWhole = false;
        await Sweep();
        Assert.Equal(0, _world.TookUnnamed);

        _world.IsWhole = true;
        await Sweep();
        Assert.Equal(1, _world.TookUnnamed);
    }

    /// <summary>Indexes, scheduler, tasks and nodes in one, noting what was done to them.</summary>
    private sealed class World : IUnfinishedIndex, IOpenTasks, INodeIndex, ISweepTargets
    {
        private readonly Lock _lock = new();
        private readonly List<UnfinishedEntry> _entries = [];
        private readonly Dictionary<string, TaskExamination?> _records = [];
        private readonly List<string> _done = [];
        private int _together;

        /// <summary>What an entry holds now, where that matters.</summary>
        public Dictionary<string, byte[]> Stored { get; } = [];
        public List<UnreadableEntry> Unreadable { get; } = [];
        /// <summary>Just before an entry is removed.</summary>
        public Action<string> OnRemove { get; set; } = _ => { };
        public HashSet<string> Queued { get; } = [];
        public List<string> Listed { get; } = [];
        public HashSet<string> Holders { get; } = [];
        public List<string> Nodes { get; } = [];
        public bool Broken { get; set; }
        public bool IsWhole { get; set; } = true;
        public int Examined { get; private set; }
        public int MostTogether { get; private set; }
        public IReadOnlyList<string> Done { get { lock (_lock) return [.. _done]; } }

        public void Entry(PendingTask task, string? markedNode, TaskExamination? record)
        {
            _entries.Add(new UnfinishedEntry(task, markedNode));
            Stored[task.TaskId] = [1];
            Record(task.TaskId, record);
        }

        public void Record(string taskId, TaskExamination? record) => _records[taskId] = record;

        public async Task<TaskExamination> Examine(string taskId)
        {
            lock (_lock)
            {
                Examined++;
                MostTogether = Math.Max(MostTogether, ++_together);
            }
            await Task.Yield();
            lock (_lock) _together--;
            return _records[taskId] ?? throw new TimeoutException();
        }

        public Task<IReadOnlyList<string>> Missing(IReadOnlyList<string> taskIds)
        {
            lock (_lock) return Task.FromResult<IReadOnlyList<string>>([.. taskIds.Where(id => !Queued.Contains(id))]);
        }

        public HashSet<string> Unnamed { get; } = [];

        public Task<IReadOnlyList<string>> TakeUnnamed(int most)
        {
            lock (_lock) TookUnnamed++;
            return Task.FromResult<IReadOnlyList<string>>([.. Unnamed.Take(most)]);
        }

        public int TookUnnamed { get; private set; }

        public Task Dequeue(string taskId) => Note($"dequeue {taskId}");

        public Task<bool> SchedulerIsWhole() => Task.FromResult(IsWhole);

        public Task Enqueue(PendingTask task)
        {
            lock (_lock) Queued.Add(task.TaskId);
            return Note($"enqueue {task.TaskId} +{(task.NotBefore - TaskBuilder.Epoch).TotalSeconds}");
        }

        public Task<bool> Claim(string nodeId, AttemptClaim claim)
        {
            Note($"claim {claim.TaskId} {claim.Attempt} {nodeId}");
            return Task.FromResult(Holders.Contains(nodeId));
        }

        public Task AttemptLost(string taskId, string nodeId, int attempt) => Note($"lost {taskId} {attempt} {nodeId}");

        public Task Touch(string nodeId) => Note($"touch {nodeId}");

        public Task Mark(IReadOnlyList<string> taskIds, string nodeId) => Note($"mark {string.Join(' ', taskIds)} {nodeId}");

        public Task Return(PendingTask task) => Note($"return {task.TaskId} +{(task.NotBefore - TaskBuilder.Epoch).TotalSeconds}");

        public Task<bool> RemoveAsRead(string taskId, ReadOnlyMemory<byte> stored)
        {
            OnRemove(taskId);
            if (!Stored[taskId].AsSpan().SequenceEqual(stored.Span)) return Task.FromResult(false);
            Note($"remove {taskId}");
            return Task.FromResult(true);
        }

        public Task<IReadOnlyDictionary<string, string?>> Find(IReadOnlyList<string> taskIds) => throw new NotSupportedException();

        public async IAsyncEnumerable<UnfinishedEntry> Scan(
            [EnumeratorCancellation] CancellationToken cancel = default, Action<UnreadableEntry>? unreadable = null)
        {
            await Task.Yield();
            if (Broken) throw new IOException("away");
            foreach (var entry in _entries) yield return entry with { Stored = Stored.GetValueOrDefault(entry.Task.TaskId, []) };
            foreach (var entry in Unreadable) unreadable?.Invoke(entry);
        }

        public Task EnsureListed(IReadOnlyList<PendingTask> tasks)
        {
            Listed.AddRange(tasks.Select(task => task.TaskId));
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<OpenTask>> Page(string? userId, TaskKey? below, long fromMs, int most) => throw new NotSupportedException();
        public Task<IReadOnlyList<string>> All() => Task.FromResult<IReadOnlyList<string>>(Nodes);
        public Task<long> Count() => Task.FromResult((long)_entries.Count);
        public Task Add(IReadOnlyList<PendingTask> tasks) => Note($"add {string.Join(' ', tasks.Select(task => task.TaskId))}");
        public Task AddMissing(IReadOnlyList<PendingTask> tasks) => Note($"add-missing {string.Join(' ', tasks.Select(task => task.TaskId))}");
        Task IUnfinishedIndex.Remove(IReadOnlyList<string> taskIds) => throw new NotSupportedException();
        Task INodeIndex.Add(string nodeId) => throw new NotSupportedException();
        Task INodeIndex.Remove(string nodeId) => throw new NotSupportedException();

        private Task Note(string what)
        {
            lock (_lock) _done.Add(what);
            return Task.CompletedTask;
        }
    }
}
