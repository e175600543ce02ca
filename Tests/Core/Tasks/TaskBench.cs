using HiveMind.Rewards;
using HiveMind.Tasks;

namespace HiveMind.Tests.Tasks;

/// <summary>Carries a task's machine in a test: what it waits for is answered at once as the test has laid down, or step by step; all that it does is noted in its order.</summary>
internal sealed class TaskBench : MachineBench, ITaskEffects
{
    public const string Id = "0123456789abcdef0123456789abcdef";
    private readonly TaskPolicy _policy;
    private long _process = 1;

    public TaskBench(TaskRecord? stored = null, TaskPolicy? policy = null) : base(Noon)
    {
        _policy = policy ?? Policy;
        Stored = stored;
        Machine = Wake();
    }

    public static DateTimeOffset Noon { get; } = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    public static TaskPolicy Policy { get; } = new(new RewardRates(1, 0.1m, 10), MaxAttempts: 3, CrashLimit: 3);
    public static TaskSpec Spec { get; } = new()
    {
        UserId = "anna", TaskType = "python", Payload = BlobRef.Empty, Resources = new(1000, 1024, 0), RunTimeout = TimeSpan.FromMinutes(5),
    };

    public TaskMachine Machine { get; private set; }
    public TaskRecord? Stored { get; private set; }
    /// <summary>What the database says of it.</summary>
    public TaskSnapshot? Old { get; set; }
    /// <summary>What its account's standing says.</summary>
    public string? Refusal { get; set; }

    /// <summary>What was done, in its order: "save Grant", "announce", "happened Granted", ...</summary>
    public List<string> Done { get; } = [];
    public List<TaskEvent> Events { get; } = [];
    public List<TaskRecord> Settled { get; } = [];
    /// <summary>How long it was last to stay in memory.</summary>
    public TimeSpan Stays { get; private set; }
    public bool Left { get; private set; }

    /// <summary>Somebody sets the time of day.</summary>
    public void StepClock(TimeSpan by) => Now = Now with { Wall = Now.Wall + by };

    /// <summary>Another activation, by what is stored; in another process all monotonic clocks begin anew.</summary>
    public void Wake(bool elsewhere)
    {
        if (elsewhere) (_process, Now) = (_process + 1, Now with { Clock = TimeSpan.FromSeconds(7) });
        Machine = Wake();
    }

    public T Ask<T>(Func<Reply<T>, IEnumerable<Effect>> command)
    {
        var reply = new Reply<T>();
        Run(command(reply));
        return reply.Value;
    }

    /// <summary>The first effect of that kind fails, and the command with it. A write that failed may be stored all the same: nobody knows.</summary>
    public void Fail<T>(IEnumerable<Effect> command, bool isStored = false) where T : Effect
    {
        var (steps, effect) = Until<T>(command);
        steps.Dispose();
        if (isStored && effect is SaveTask save) Stored = save.Next;
    }

    public TaskSnapshot Submit(TaskSpec? spec = null, bool oneOfMany = false, bool mayBeOld = false) =>
        Ask<TaskSnapshot>(reply => Machine.Submit(spec ?? Spec, oneOfMany, mayBeOld, reply));

    public GrantResult Grant(string node = "n1") => Ask<GrantResult>(reply => Machine.Grant(node, "owner", 4, reply));

    public TaskSnapshot Cancel() => Ask<TaskSnapshot>(Machine.Cancel);

    public ReportVerdict End(TaskOutcomeReport report, string node = "n1") => Ask<ReportVerdict>(reply => Machine.End(node, report, reply));

    public static TaskOutcomeReport Report(int attempt = 1, string cause = Causes.Completed, long runMs = 0) => new() { TaskId = Id, Attempt = attempt, Cause = cause, RunMs = runMs };

    public bool Started(int attempt = 1, string node = "n1") => Machine.Started(node, attempt, Now);

    public TaskExamination Examine() => Ask<TaskExamination>(Machine.Examine);

    /// <summary>What was done since it was last asked.</summary>
    public IReadOnlyList<string> Take()
    {
        string[] done = [.. Done];
        Done.Clear();
        return done;
    }

    private TaskMachine Wake() => new(Id, Stored, _policy, _process, Now, this);

    protected override bool Step(IEnumerator<Effect> command) => Machine.Step(command, Now);

    protected override void Answer(Effect effect)
    {
        Done.Add(effect switch
        {
            SaveTask save => $"save {save.Why}",
            EraseTask => "erase",
            FindEnded => "find",
            EnterIndex enter => $"index {enter.How}",
            AskStanding ask => $"standing {ask.UserId}{(ask.IsHeld ? " held" : "")}",
            Announce announce => announce.IsNew ? "announce new" : "announce",
            Return back => $"return +{(back.Task.NotBefore - Now.Wall).TotalSeconds:0}",
            Withdraw => "withdraw",
            DropAttempt drop => $"drop {drop.NodeId} {drop.Attempt} {drop.Cause}",
            _ => throw new InvalidOperationException(effect.GetType().Name),
        });
        switch (effect)
        {
            case SaveTask save: Stored = save.Next; break;
            case EraseTask: Stored = null; break;
            case FindEnded find: find.Found = Old; break;
            case AskStanding ask: ask.Refusal = Refusal; break;
        }
    }

    void ITaskEffects.Settle(TaskRecord ended)
    {
        Assert.Same(Stored, ended); // nothing is paid before it is durable
        Settled.Add(ended);
        Done.Add("settle");
    }

    void ITaskEffects.Stay(TimeSpan time) => Stays = time;

    void ITaskEffects.Leave() => Left = true;

    void ITaskEffects.Happened(TaskEvent what)
    {
        Events.Add(what);
        Done.Add($"happened {what.GetType().Name}");
    }
}
