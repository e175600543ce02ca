using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Nodes;

/// <summary>Carries a node's machine in a test: what it waits for is answered at once as the test has laid down, or step by step.</summary>
internal sealed class NodeBench : MachineBench, INodeEffects
{
    public const string Id = "n1", Owner = "owner";
    private readonly List<IEnumerable<Effect>> _beside = [];
    private readonly NodePolicy _policy;

    /// <param name="stored">Its record; null: of a worker with four cores that is not connected.</param>
    /// <param name="policy">The pool's, where it is not <see cref="Policy"/>.</param>
    /// <param name="isThere">False: no such node.</param>
    public NodeBench(NodeRecord? stored = null, NodePolicy? policy = null, bool isThere = true) : base(Noon)
    {
        Stored = isThere ? stored ?? Registered : null;
        _policy = policy ?? Policy;
        Machine = new NodeMachine(Id, "a1", _policy, Now, this);
        Run(Machine.Wake(Stored));
    }

    public static NodeRecord Registered => new()
    {
        OwnerId = Owner, OwnerName = Owner, TokenHash = [1], Capabilities = new() { CpuCores = 4, MemoryMb = 4096, AcceptsStrangers = true, SupportedTasks = ["python"] },
        RegisteredAt = Noon, LastChangeAt = Noon,
    };

    public static DateTimeOffset Noon { get; } = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    public static NodePolicy Policy { get; } = new()
    {
        HeartbeatInterval = TimeSpan.FromSeconds(3), WorkerLease = TimeSpan.FromSeconds(12), Lease = TimeSpan.FromSeconds(15), LookEvery = TimeSpan.FromSeconds(1),
        ForgetAfter = TimeSpan.FromDays(7), CordonAfterFailures = 5, CordonFor = TimeSpan.FromMinutes(1), CordonForAtMost = TimeSpan.FromHours(1),
    };

    public NodeMachine Machine { get; private set; }
    public object Link { get; } = new();
    public NodeRecord? Stored { get; private set; }
    public List<TaskAssignment> Pushed { get; } = [];
    public List<(string TaskId, int Attempt, string Reason)> Killed { get; } = [];
    public List<string> Closed { get; } = [];
    public List<NodeEvent> Events { get; } = [];
    public List<LostAttempt> Losses { get; } = [];
    public List<AttemptReport> Starts { get; } = [];
    public NodeView? View { get; private set; }

    /// <summary>What each task's record says; none: the index does not know it.</summary>
    public Dictionary<string, TaskExamination> Records { get; } = [];
    public bool StoresAnswer { get; set; } = true;
    /// <summary>For which node the index says that they are marked, where that is another than their record says.</summary>
    public Dictionary<string, string?> Marks { get; } = [];
    /// <summary>Of its owner's account; null: it cannot be asked.</summary>
    public bool? OwnerIsActive { get; set; } = true;
    /// <summary>The database knows something of it.</summary>
    public bool HasPast { get; set; }
    /// <summary>What tasks answer instead of granting.</summary>
    public Dictionary<string, string> Refusals { get; } = [];
    public ReportVerdictKind Verdict { get; set; } = ReportVerdictKind.Accepted;
    public List<TaskOutcomeReport> Ends { get; } = [];

    /// <summary>What was made durable or told to others, in its order: "save Connection", "reminder on", "close STALE_EPOCH", ...</summary>
    public List<string> Done { get; } = [];
    public List<object> PushedTo { get; } = [];
    public bool Left { get; private set; }

    public long Epoch => Stored!.Epoch;

    /// <summary>Another activation, by what is stored, in a process whose clock is another.</summary>
    public void Wake()
    {
        Now = Now with { Clock = TimeSpan.FromSeconds(7) };
        Machine = new NodeMachine(Id, "a2", _policy, Now, this);
        Run(Machine.Wake(Stored));
    }

    /// <summary>Somebody sets the time of day.</summary>
    public void StepClock(TimeSpan by) => Now = Now with { Wall = Now.Wall + by };

    /// <summary>Second by second, with its look at the clock.</summary>
    public void Tick(double seconds)
    {
        for (var passed = 0; passed < seconds; passed++)
        {
            Pass(1);
            Run(Machine.Tick());
        }
    }

    public void Connect(params AttemptReport[] running) => Run(Machine.Connect(Link, Stored!.Capabilities, running, null, new Reply<NodeWelcome>()));

    public void Beat(params AttemptReport[] running)
    {
        Machine.Heartbeat(Epoch, Link, running, new NodeUsage(0, 0, 0), Now);
        Settle();
    }

    public TaskAssignment Task(string id, int attempt = 1, string user = Owner, double seconds = 60, double lease = 0)
    {
        var spec = new TaskSpec { UserId = user, TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 100, 0), Lease = TimeSpan.FromSeconds(lease) };
        var assignment = new TaskAssignment(id, attempt, spec) { RunTimeout = TimeSpan.FromSeconds(seconds), OverdueAfter = TimeSpan.FromSeconds(seconds + 30) };
        Records[id] = new(TaskExaminationKind.OnNode, Id, assignment, null);
        return assignment;
    }

    public static TaskOffer Offer(string id, string user = Owner) => new(new(id, user, "python", TaskPriority.Normal, new(1000, 100, 0), Noon, Noon));

    public OfferResult Take(params TaskOffer[] offers)
    {
        var reply = new Reply<OfferResult>();
        Run(Machine.Offer(offers, reply));
        return reply.Value;
    }

    public T Ask<T>(Func<Reply<T>, IEnumerable<Effect>> command)
    {
        var reply = new Reply<T>();
        Run(command(reply));
        return reply.Value;
    }

    /// <summary>Commands that go on beside the others, not yet carried.</summary>
    public IReadOnlyList<IEnumerable<Effect>> Begun => _beside;

    public IEnumerable<Effect> TakeBegun()
    {
        var command = _beside[0];
        _beside.RemoveAt(0);
        return command;
    }

    /// <summary>The same of what goes on beside the others; what comes before it there is carried.</summary>
    public (IEnumerator<Effect> Command, T Effect) UntilBegun<T>() where T : Effect
    {
        while (true)
        {
            var steps = TakeBegun().GetEnumerator();
            while (Machine.Step(steps, Now))
            {
                if (steps.Current is T found) return (steps, found);
                Answer(steps.Current);
            }
        }
    }

    /// <summary>What was done since it was last asked.</summary>
    public IReadOnlyList<string> TakeDone()
    {
        string[] done = [.. Done];
        Done.Clear();
        return done;
    }

    protected override void Settle()
    {
        while (_beside.Count > 0)
        {
            using var steps = TakeBegun().GetEnumerator();
            while (Machine.Step(steps, Now)) Answer(steps.Current);
        }
    }

    protected override bool Step(IEnumerator<Effect> command) => Machine.Step(command, Now);

    protected override void Answer(Effect effect)
    {
        switch (effect)
        {
            case SaveNode save:
                Stored = save.Next;
                Done.Add($"save {save.Why}");
                break;
            case ForgetNode forget:
                Stored = forget.Kept;
                Done.Add("forget");
                break;
            case ListNode list: Done.Add(list.IsThere ? "list" : "unlist"); break;
            case SetReminder reminder: Done.Add(reminder.IsOn ? "reminder on" : "reminder off"); break;
            case AskOwner owner:
                (owner.IsActive, owner.HasAnswered) = (OwnerIsActive, OwnerIsActive is not null);
                Done.Add("owner");
                break;
            case AskPast past: past.HasPast = HasPast; break;
            case MarkTasks mark: mark.IsMarked = StoresAnswer; break;
            case AskGrants grants:
                for (var i = 0; i < grants.Tasks.Count; i++)
                {
                    grants.Answers[i] = Refusals.TryGetValue(grants.Tasks[i].TaskId, out var refusal) ? new(null, refusal)
                        : Records.GetValueOrDefault(grants.Tasks[i].TaskId)?.Assignment is { } assignment ? new(assignment, "") : null;
                }
                break;
            case FindOpen find: find.Found = StoresAnswer ? find.TaskIds.Where(Records.ContainsKey).ToDictionary(id => id, id => Marks.TryGetValue(id, out var mark) ? mark : Records[id].NodeId) : null; break;
            case ExamineTasks examine:
                for (var i = 0; i < examine.Asked.Count; i++)
                    examine.Answers[i] = StoresAnswer ? Records.GetValueOrDefault(examine.Asked[i].TaskId) ?? new(TaskExaminationKind.Missing, null, null, null) : null;
                break;
            case TellStarts starts:
                for (var i = 0; i < starts.Started.Count; i++)
                {
                    if (!StoresAnswer) continue;
                    Starts.Add(starts.Started[i]);
                    starts.IsCurrent[i] = Records.GetValueOrDefault(starts.Started[i].TaskId)?.Assignment?.Attempt == starts.Started[i].Attempt;
                }
                break;
            case TellLosses losses:
                if (StoresAnswer) Losses.AddRange(losses.Lost);
                Done.Add("losses");
                Array.Fill(losses.IsTold, StoresAnswer);
                break;
            case RecordEnds ends:
                if (StoresAnswer) Ends.AddRange(ends.Reports);
                for (var i = 0; i < ends.Reports.Count; i++)
                    ends.Verdicts[i] = StoresAnswer ? new(ends.Reports[i].TaskId, ends.Reports[i].Attempt, Verdict, "", "") : null;
                break;
            case TellScheduler tell: View = tell.View; break;
        }
    }

    void INodeEffects.Push(object link, IReadOnlyList<TaskAssignment> attempts)
    {
        Pushed.AddRange(attempts);
        PushedTo.AddRange(attempts.Select(_ => link));
    }

    void INodeEffects.Kill(object link, string taskId, int attempt, string reason) => Killed.Add((taskId, attempt, reason));

    void INodeEffects.Close(object link, string reason)
    {
        Closed.Add(reason);
        Done.Add($"close {reason}");
    }

    /// <summary>Its first step at once, like the grain; the rest when the command that began it is over.</summary>
    void INodeEffects.Begin(IEnumerable<Effect> command) => _beside.Add(command);

    void INodeEffects.Count(NodeGauges figures)
    {
    }

    void INodeEffects.Leave() => Left = true;

    void INodeEffects.Happened(NodeEvent what) => Events.Add(what);
}
