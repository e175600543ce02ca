using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Tests.Scheduling;

/// <summary>What a sweep does about one entry, step by step: whichever step fails, the next sweep ends where this one would have.</summary>
public sealed class SweepStepsTests
{
    private const string Id = "t";
    private static readonly PendingTask Waiting = new TaskBuilder(Id);
    private static readonly PendingTask Later = Waiting with { NotBefore = TaskBuilder.Epoch.AddSeconds(7) };
    private static readonly TaskExamination Missing = AskRecord.Missing, Ended = new(TaskExaminationKind.Ended, null, null, null);

    private readonly World _world = new();

    private static TaskExamination Pending(PendingTask task) => new(TaskExaminationKind.Pending, null, null, task);

    private static TaskExamination OnNode(string node = "n", int attempt = 2) => new(TaskExaminationKind.OnNode, node,
        new TaskAssignment(Id, attempt, new TaskSpec { UserId = "anna", TaskType = "python", Payload = BlobRef.Empty, Resources = ResourceMath.Nothing }), null);

    // ------------------------------------------------------------ each record, each entry

    [Fact]
    public void Mend_WaitsAndIsQueued_IsLeftAsItIs()
    {
        _world.Is(Waiting, null, Pending(Waiting), isQueued: true);
        _world.Sweep();
        Assert.Equal(["ask", "ask scheduler"], _world.Done);
    }

    [Fact]
    public void Mend_WaitsAndIsNotQueued_IsQueuedAsItsRecordSays()
    {
        _world.Is(Waiting, null, Pending(Waiting));
        _world.Sweep();
        Assert.Equal(["ask", "ask scheduler", "enqueue", "mended Enqueued"], _world.Done);
        Assert.Equal(Waiting, _world.Queued);
    }

    /// <summary>The entry first: a task that is offered before that would be marked for a node and lose the mark again.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void Mend_WaitsAndItsEntrySaysOtherwise_IsPutRightBeforeItIsQueued(bool isMarked, bool isOld)
    {
        var record = isOld ? Later : Waiting;
        _world.Is(Waiting, isMarked ? "n" : null, Pending(record));
        _world.Sweep();
        Assert.Equal(["ask", "return", "ask scheduler", "enqueue", "mended Enqueued"], _world.Done);
        Assert.Equal((record, null, record), (_world.Entry, _world.Mark, _world.Queued));
    }

    /// <summary>A hub of an earlier version does not say how it waits: its entry is all that is known, and it is not queued by that.</summary>
    [Fact]
    public void Mend_WaitsAndItsRecordDoesNotSayHow_IsNotQueuedByItsEntry()
    {
        _world.Is(Waiting, "n", new(TaskExaminationKind.Pending, null, null, null));
        _world.Sweep();
        Assert.Equal(["ask", "return"], _world.Done);
        Assert.Equal(Waiting, _world.Entry);
    }

    [Theory]
    [InlineData("n", true)]
    [InlineData("n", false)]
    [InlineData(null, true)]
    [InlineData(null, false)]
    public void Mend_OnANode_IsMarkedThenClaimedAndLostOnlyIfThatDoesNotHoldIt(string? mark, bool isHeld)
    {
        _world.Is(Waiting, mark, OnNode());
        _world.Holds = isHeld;
        _world.Sweep();
        List<string> done = ["ask"];
        if (mark is null) done.Add("mark n");
        done.Add("claim n 2");
        if (!isHeld) done.AddRange(["lost n 2", "mended Lost"]);
        Assert.Equal(done, _world.Done);
    }

    [Fact]
    public void Mend_Ended_IsSettledByBeingExamined()
    {
        _world.Is(Waiting, "n", Ended);
        _world.Sweep();
        Assert.Equal(["ask", "mended Settled"], _world.Done);
    }

    // ------------------------------------------------------------ without a record

    [Fact]
    public void Mend_WithoutARecord_IsRemovedAfterABirthsTimeAndNoSooner()
    {
        _world.Is(Waiting, null, Missing);
        _world.Sweep();
        _world.Pass(SweepRules.BirthBound);
        _world.Sweep();
        Assert.Equal(["ask", "ask"], _world.Done);
        _world.Pass(TimeSpan.FromTicks(1));
        _world.Sweep();
        Assert.Equal(["ask", "ask", "ask", "remove", "ask", "mended Orphan"], _world.Done);
        Assert.Null(_world.Entry);
    }

    [Fact]
    public void Mend_OrphanThatWasWrittenAnewSinceItWasRead_Stays()
    {
        _world.Is(Waiting, null, Missing);
        Age();
        _world.OnRemove = () => _world.Write(Waiting);
        _world.Sweep();
        Assert.Equal(["ask", "remove"], _world.Done);
        Assert.NotNull(_world.Entry);
        _world.Sweep(); // it counts from now on
        Assert.DoesNotContain("mended Orphan", _world.Done);
    }

    /// <summary>Asked again once its entry is gone: a submit that went on just then has its task back in index and queue.</summary>
    [Fact]
    public void Mend_OrphanThatIsBornWhileItIsRemoved_IsPutBackAndQueued()
    {
        _world.Is(Waiting, null, Missing);
        Age();
        _world.OnRemove = () => _world.Record = Pending(Later);
        _world.Sweep();
        Assert.Equal(["ask", "remove", "ask", "add", "return", "ask scheduler", "enqueue", "mended Enqueued"], _world.Done);
        Assert.Equal((Later, Later), (_world.Entry, _world.Queued));
    }

    [Fact]
    public void Mend_OrphanThatIsBornAndGrantedWhileItIsRemoved_IsPutBackAndMarked()
    {
        _world.Is(Waiting, null, Missing);
        Age();
        _world.OnRemove = () => (_world.Record, _world.Holds) = (OnNode(), true);
        _world.Sweep();
        Assert.Equal(["ask", "remove", "ask", "add", "mark n", "claim n 2"], _world.Done);
        Assert.Equal((Waiting, "n"), (_world.Entry, _world.Mark));
    }

    // ------------------------------------------------------------ entries that cannot be read

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Mend_UnreadableAndWaiting_IsQueuedAndWrittenAnewUnlessALaterProgramWroteIt(bool isNewer)
    {
        _world.Is(Waiting, null, Pending(Later));
        _world.Unreadable(isNewer);
        _world.Sweep();
        string[] done = ["ask", "return", "ask scheduler", "enqueue", "mended Enqueued"];
        Assert.Equal(done.Where(step => !isNewer || step != "return"), _world.Done);
        Assert.Equal(Later, _world.Queued);
    }

    [Fact]
    public void Mend_UnreadableOfALaterProgramWithoutARecord_StaysForEver()
    {
        _world.Is(Waiting, null, Missing);
        _world.Unreadable(isNewer: true);
        Age();
        _world.Sweep();
        Assert.Equal(["ask"], _world.Done);
    }

    [Fact]
    public void Mend_UnreadableWithoutARecord_IsRemovedLikeAnyOther()
    {
        _world.Is(Waiting, null, Missing);
        _world.Unreadable(isNewer: false);
        Age();
        _world.Sweep();
        Assert.Equal(["ask", "remove", "ask", "mended Orphan"], _world.Done);
    }

    [Fact]
    public void Mend_UnreadableThatIsBornWhileItIsRemoved_IsWrittenAsItsRecordSays()
    {
        _world.Is(Waiting, null, Missing);
        _world.Unreadable(isNewer: false);
        Age();
        _world.OnRemove = () => _world.Record = Pending(Later);
        _world.Sweep();
        Assert.Equal((Later, Later), (_world.Entry, _world.Queued));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("n")]
    public void Mend_UnreadableOnANode_KeepsItsMarkAndIsClaimed(string? mark)
    {
        _world.Is(Waiting, mark, OnNode());
        _world.Unreadable(isNewer: false);
        _world.Sweep();
        string[] done = ["ask", "mark n", "claim n 2", "lost n 2", "mended Lost"];
        Assert.Equal(done.Where(step => mark is null || step != "mark n"), _world.Done);
    }

    // ------------------------------------------------------------ the other way round

    [Fact]
    public void TakeOut_Waiting_IsBackInTheIndexAndStaysQueued()
    {
        _world.Is(null, null, Pending(Waiting), isQueued: true);
        _world.TakeOut();
        Assert.Equal(["ask", "add missing"], _world.Done);
        Assert.Equal(Waiting, _world.Queued);
    }

    [Theory]
    [InlineData(TaskExaminationKind.Ended)]
    [InlineData(TaskExaminationKind.Missing)]
    public void TakeOut_EndedOrNeverBorn_LeavesTheQueue(TaskExaminationKind kind)
    {
        _world.Is(null, null, new(kind, null, null, null), isQueued: true);
        _world.TakeOut();
        Assert.Equal(["ask", "dequeue", "mended Dequeued"], _world.Done);
        Assert.Null(_world.Queued);
    }

    /// <summary>It is just being granted: whoever offers it hears what came of that.</summary>
    [Fact]
    public void TakeOut_OnANode_IsLeftToTheOffer()
    {
        _world.Is(null, null, OnNode(), isQueued: true);
        _world.TakeOut();
        Assert.Equal(["ask"], _world.Done);
    }

    // ------------------------------------------------------------ failures

    public static TheoryData<string> States =>
    [
        "waits", "waits, marked", "waits, old entry", "waits, queued", "on node, held", "on node, lost", "on node, unmarked", "on node, unmarked and lost", "orphan", "born", "born and granted",
        "unreadable, waits", "unreadable, orphan", "unreadable, on node",
    ];

    /// <summary>Each step of a mending fails once, with what it did done or not done; the next sweeps end as if it had not.</summary>
    [Theory]
    [MemberData(nameof(States))]
    public void Mend_AnyStepFails_TheNextSweepsEndAsIfItHadNot(string state)
    {
        var whole = Laid(state);
        whole.Sweep();
        var steps = whole.Done.Count(step => !step.StartsWith("mended", StringComparison.Ordinal));
        Again(whole);
        for (var failing = 0; failing < steps; failing++)
        {
            foreach (var isDone in new[] { false, true })
            {
                var world = Laid(state);
                world.Sweep(failing, isDone);
                Again(world);
                Assert.Equal((whole.Entry, whole.Mark, whole.Queued, whole.IsLost), (world.Entry, world.Mark, world.Queued, world.IsLost));
            }
        }

        static void Again(World world)
        {
            for (var i = 0; i < 3; i++)
            {
                if (world.Entry is null && world.Record == Missing) return;
                if (world.Entry is null) world.Write(world.Record.Pending ?? Waiting); // its submit enters it again before it answers
                world.Pass(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
                world.Sweep();
            }
        }
    }

    private static World Laid(string state)
    {
        var world = new World { Holds = state is "on node, held" or "on node, unmarked" or "born and granted" };
        var record = state switch
        {
            "waits, old entry" => Pending(Later),
            "orphan" or "born" or "born and granted" or "unreadable, orphan" => Missing,
            _ when state.Contains("on node", StringComparison.Ordinal) => OnNode(),
            _ => Pending(Waiting),
        };
        world.Is(Waiting, state is "waits, marked" or "on node, held" or "on node, lost" or "unreadable, on node" ? "n" : null, record, state == "waits, queued");
        if (state.StartsWith("unreadable", StringComparison.Ordinal)) world.Unreadable(isNewer: false);
        if (record != Missing) return world;
        world.Sweep();
        world.Pass(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        world.Done.Clear();
        if (state == "born") world.OnRemove = () => world.Record = Pending(Waiting);
        if (state == "born and granted") world.OnRemove = () => world.Record = OnNode();
        return world;
    }

    private void Age()
    {
        _world.Sweep();
        _world.Pass(SweepRules.BirthBound + TimeSpan.FromSeconds(1));
        _world.Done.Clear();
    }

    /// <summary>One task as index, scheduler, record and node have it.</summary>
    private sealed class World
    {
        private readonly SweepSteps _steps;
        private byte[] _stored = [1];
        private bool _isUnreadable, _isNewer;
        private TimeSpan _clock = TimeSpan.FromHours(3);

        public World() => _steps = new(new OrphanWatch(), mended => Done.Add($"mended {mended.What}"));

        public List<string> Done { get; } = [];
        public PendingTask? Entry { get; private set; }
        public string? Mark { get; private set; }
        public PendingTask? Queued { get; private set; }
        public TaskExamination Record { get; set; } = Missing;
        /// <summary>The node holds it.</summary>
        public bool Holds { get; set; }
        public bool IsLost { get; private set; }
        /// <summary>Just before its entry is removed, once.</summary>
        public Action? OnRemove { get; set; }

        public void Is(PendingTask? entry, string? mark, TaskExamination record, bool isQueued = false) =>
            (Entry, Mark, Record, Queued) = (entry, mark, record, isQueued ? entry ?? record.Pending ?? Waiting : null);

        public void Unreadable(bool isNewer) => (_isUnreadable, _isNewer) = (true, isNewer);

        public void Write(PendingTask entry) => (Entry, _stored, _isUnreadable) = (entry, [(byte)(_stored[0] + 1)], false);

        public void Pass(TimeSpan time) => _clock += time;

        /// <param name="failing">Which step fails; none by default.</param>
        /// <param name="isDone">What it was to do is done all the same.</param>
        public void Sweep(int failing = -1, bool isDone = false)
        {
            if (Entry is null) return;
            var mending = _isUnreadable ? _steps.Mend(new UnreadableEntry(Id, Mark, _isNewer, _stored), () => _clock) : _steps.Mend(new UnfinishedEntry(Entry, Mark) { Stored = _stored }, () => _clock);
            foreach (var wait in mending)
            {
                if (failing != 0 || isDone) Answer(wait);
                if (failing-- == 0) return;
            }
        }

        public void TakeOut()
        {
            foreach (var wait in _steps.TakeOut(Id)) Answer(wait);
        }

        private void Answer(Effect effect)
        {
            Assert.Equal(Id, ((SweepEffect)effect).TaskId);
            switch (effect)
            {
                case AskRecord ask:
                    Done.Add("ask");
                    ask.Found = Record;
                    break;
                case RemoveEntry remove:
                    Done.Add("remove");
                    OnRemove?.Invoke();
                    OnRemove = null;
                    remove.IsRemoved = remove.AsRead.Span.SequenceEqual(_stored);
                    if (remove.IsRemoved) (Entry, Mark) = (null, null);
                    break;
                case AddEntry add:
                    Done.Add(add.OnlyIfMissing ? "add missing" : "add");
                    if (Entry is null || !add.OnlyIfMissing) Write(add.Task);
                    break;
                case ReturnEntry back:
                    Done.Add("return");
                    Write(back.Task);
                    Mark = null;
                    break;
                case MarkEntry mark:
                    Done.Add($"mark {mark.NodeId}");
                    Mark = mark.NodeId;
                    break;
                case AskScheduler ask:
                    Done.Add("ask scheduler");
                    ask.IsMissing = Queued is null;
                    break;
                case Enqueue enqueue:
                    Done.Add("enqueue");
                    Queued = enqueue.Task;
                    break;
                case Dequeue:
                    Done.Add("dequeue");
                    Queued = null;
                    break;
                case ClaimAttempt claim:
                    Done.Add($"claim {claim.NodeId} {claim.Claim.Attempt}");
                    claim.IsHeld = Holds;
                    break;
                case ReportLoss loss:
                    Done.Add($"lost {loss.NodeId} {loss.Attempt}");
                    (IsLost, Record) = (true, Pending(Waiting)); // its record says so; the word to index and scheduler got lost
                    break;
                default: throw new InvalidOperationException(effect.GetType().Name);
            }
        }
    }
}
