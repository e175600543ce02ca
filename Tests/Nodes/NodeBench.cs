using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Tests.Nodes;

/// <summary>Carries a node's machine in a test: what it waits for is answered at once as the test has laid down, or step by step.</summary>
internal sealed class NodeBench : INodeEffects
{
    public const string Id = "n1", Owner = "owner";
    private readonly List<IEnumerator<Effect>> _beside = [];

    public NodeBench(NodeRecord? stored = null)
    {
        Stored = stored ?? new NodeRecord
        {
            OwnerId = Owner, OwnerName = Owner, TokenHash = [1], Capabilities = new() { CpuCores = 4, MemoryMb = 4096, AcceptsStrangers = true, SupportedTasks = ["python"] },
            RegisteredAt = Noon, LastChangeAt = Noon,
        };
        Machine = new NodeMachine(Id, "a1", Policy, Now, this);
        Run(Machine.Wake(Stored));
    }

    public static DateTimeOffset Noon { get; } = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    public static NodePolicy Policy { get; } = new()
    {
        HeartbeatInterval = TimeSpan.FromSeconds(3), WorkerLease = TimeSpan.FromSeconds(12), Lease = TimeSpan.FromSeconds(15), LookEvery = TimeSpan.FromSeconds(1),
        ForgetAfter = TimeSpan.FromDays(7), CordonAfterFailures = 5, CordonFor = TimeSpan.FromMinutes(1), CordonForAtMost = TimeSpan.FromHours(1),
    };

    public NodeMachine Machine { get; }
    public object Link { get; } = new();
    public Instant Now { get; private set; } = new(TimeSpan.FromHours(1), Noon);
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

    public long Epoch => Stored!.Epoch;

    public void Pass(double seconds) => Now = new(Now.Clock + TimeSpan.FromSeconds(seconds), Now.Wall + TimeSpan.FromSeconds(seconds));

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

    /// <summary>To its end, and all that it begins.</summary>
    public void Run(IEnumerable<Effect> command)
    {
        using var steps = command.GetEnumerator();
        while (Machine.Step(steps, Now)) Answer(steps.Current);
        Settle();
    }

    /// <summary>To the first effect of that kind, which is left unanswered: the rest of the command is under way.</summary>
    public (IEnumerator<Effect> Command, T Effect) Until<T>(IEnumerable<Effect> command) where T : Effect
    {
        var steps = command.GetEnumerator();
        while (Machine.Step(steps, Now))
        {
            if (steps.Current is T found) return (steps, found);
            Answer(steps.Current);
        }
        throw new InvalidOperationException($"The command came to its end without {typeof(T).Name}.");
    }

    /// <summary>What it stopped at is done.</summary>
    public void GoOn(IEnumerator<Effect> command)
    {
        Answer(command.Current);
        while (Machine.Step(command, Now)) Answer(command.Current);
        command.Dispose();
        Settle();
    }

    public TaskAssignment Task(string id, int attempt = 1, string user = Owner, double seconds = 60)
    {
        var assignment = new TaskAssignment(id, attempt, new TaskSpec { UserId = user, TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 100, 0) })
        {
            RunTimeout = TimeSpan.FromSeconds(seconds),
        };
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

    private void Settle()
    {
        while (_beside.Count > 0)
        {
            var steps = _beside[0];
            _beside.RemoveAt(0);
            while (Machine.Step(steps, Now)) Answer(steps.Current);
        }
    }

    private void Answer(Effect effect)
    {
        switch (effect)
        {
            case SaveNode save: Stored = save.Next; break;
            case ForgetNode forget: Stored = forget.Kept; break;
            case AskOwner owner: (owner.IsActive, owner.HasAnswered) = (true, true); break;
            case AskPast past: past.HasPast = false; break;
            case MarkTasks mark: mark.IsMarked = StoresAnswer; break;
            case AskGrants grants:
                for (var i = 0; i < grants.Tasks.Count; i++)
                    grants.Answers[i] = Records.GetValueOrDefault(grants.Tasks[i].TaskId)?.Assignment is { } assignment ? new(assignment, "") : null;
                break;
            case FindOpen find: find.Found = StoresAnswer ? find.TaskIds.Where(Records.ContainsKey).ToDictionary(id => id, id => Records[id].NodeId) : null; break;
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
                Array.Fill(losses.IsTold, StoresAnswer);
                break;
            case RecordEnds ends:
                for (var i = 0; i < ends.Reports.Count; i++)
                    ends.Verdicts[i] = StoresAnswer ? new(ends.Reports[i].TaskId, ends.Reports[i].Attempt, ReportVerdictKind.Accepted, "", "") : null;
                break;
            case TellScheduler tell: View = tell.View; break;
        }
    }

    void INodeEffects.Push(object link, IReadOnlyList<TaskAssignment> attempts) => Pushed.AddRange(attempts);

    void INodeEffects.Kill(object link, string taskId, int attempt, string reason) => Killed.Add((taskId, attempt, reason));

    void INodeEffects.Close(object link, string reason) => Closed.Add(reason);

    /// <summary>Its first step at once, like the grain; the rest when the command that began it is over.</summary>
    void INodeEffects.Begin(IEnumerable<Effect> command) => _beside.Add(command.GetEnumerator());

    void INodeEffects.Count(NodeGauges figures)
    {
    }

    void INodeEffects.Leave()
    {
    }

    void INodeEffects.Happened(NodeEvent what) => Events.Add(what);
}
