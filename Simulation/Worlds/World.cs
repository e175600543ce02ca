using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>
/// A pool under virtual time: the product's rules (scheduler, node, lease, task), the shells around them redone as events, and chance in
/// between. A step is one event. Everything that happens follows from the plan's seed.
/// </summary>
internal sealed partial class World
{
    private static readonly RewardRates Rates = RewardRates.From(new RewardOptions());

    private readonly WorldPlan _plan;
    private readonly PlantedDefect _defect;
    private readonly TaskPolicy _policy;
    private readonly NodePolicy _nodePolicy;
    private readonly string _command;
    private readonly VirtualClock _clock = new();
    private readonly EventQueue _events = new();
    /// <summary>What comes and how long it runs has its own chance, so that it is the same whatever the scheduler does.</summary>
    private readonly SimRandom _work;
    private readonly SimRandom _chance;
    private readonly List<SimTask> _tasks = [];
    private readonly SimNode[] _nodes;
    private readonly bool[,] _runs;
    private TraceHash _trace;
    private DateTimeOffset _now;
    private long _steps;
    /// <summary>No new work and no new faults: what is open must end.</summary>
    private bool _ending;
    /// <summary>The hub does nothing before then.</summary>
    private long _hubBackAt;

    public World(WorldPlan plan, PlantedDefect? defect = null, string command = "")
    {
        _plan = plan;
        _defect = defect ?? PlantedDefect.None;
        _policy = new TaskPolicy(Rates, plan.MaxAttempts, plan.CrashLimit);
        _command = command;
        _sweep = new SweepSteps(_orphans, Happened);
        _work = new SimRandom(plan.Seed * 2 + 1_000_003);
        _chance = new SimRandom(plan.Seed * 2 + 2_000_003);
        _now = _clock.Now;
        _nodePolicy = new NodePolicy
        {
            HeartbeatInterval = TimeSpan.FromTicks(plan.Heartbeat), WorkerLease = TimeSpan.FromTicks(plan.WorkerLease), Lease = TimeSpan.FromTicks(plan.Lease),
            LookEvery = TimeSpan.FromTicks(LookEvery), ForgetAfter = TimeSpan.MaxValue, CordonAfterFailures = plan.CordonAfterFailures,
            CordonFor = plan.CordonFor, CordonForAtMost = 4 * plan.CordonFor, SlowStart = plan.SlowStart,
        };
        _nodes = new SimNode[plan.Nodes.Count];
        for (var node = 0; node < _nodes.Length; node++) _nodes[node] = NewNode(node);
        _runs = new bool[plan.Nodes.Count, plan.Shapes.Count];
        for (var node = 0; node < plan.Nodes.Count; node++)
            foreach (var shape in plan.Shapes) _runs[node, shape.Number] = plan.Runs(plan.Nodes[node], shape);
        _views = new NodeView?[_nodes.Length];
        _offers = new OfferOnItsWay?[_nodes.Length];
        _held = new (int, long)[plan.Users.Count];
        _core = NewCore();
        PrepareLoad();
        PrepareBounds();
    }

    public long Steps => _steps;
    public ulong Trace => _trace.Value;
    public TimeSpan Elapsed => TimeSpan.FromTicks(_clock.Ticks);
    public IReadOnlyList<SimTask> Tasks => _tasks;
    public WorldFigures Figures { get; } = new();
    public EventWatch? Watch { get; init; }

    /// <summary>So many steps of life; then nothing new comes, everything that was broken comes back, and all that is open must end.</summary>
    public void Run(long steps)
    {
        try
        {
            Begin();
            while (_steps < steps && !(_plan.Tasks > 0 && _submitted == _plan.Tasks)) Step();
            End();
            while (!IsQuiet()) Step();
            CheckEnd();
        }
        catch (Exception unexpected) when (unexpected is not ViolationException)
        {
            throw new ViolationException("A rule", $"it threw {unexpected.GetType().Name}: {unexpected.Message}", _plan.Seed, _steps, Elapsed, _command, unexpected);
        }
    }

    private void Begin()
    {
        foreach (var node in _nodes) Later(_chance.Exponential(Ticks.Second / 4), EventKind.MachineStarts, node.Number, node.Machine.Life);
        Later(0, EventKind.SchedulerStarts, _incarnation);
        Later(_plan.SweepEvery, EventKind.Sweep);
        foreach (var node in _nodes) Later(_chance.Below((int)LookEvery), EventKind.NodeTick, node.Number);
        Later(2 * Ticks.Second, EventKind.Submit, -1);
        BeginFaults();
    }

    private void Step()
    {
        var what = _events.Take();
        _clock.Ticks = what.At;
        _now = _clock.Now;
        _steps++;
        _trace.Add(what.At, ((long)what.Kind << 48) ^ ((long)what.A << 24) ^ what.B);
        Watch?.Say(in what, _steps);
        Handle(in what);
        if ((_steps & 255) == 0) Audit();
    }

    private void Handle(in SimEvent what)
    {
        if (_hubBackAt > _clock.Ticks && IsTheHubs(what.Kind))
        {
            _events.Add(_hubBackAt, what.Kind, what.A, what.B, what.Body);
            return;
        }
        switch (what.Kind)
        {
            case EventKind.Submit: Submit(what.A, what.B); break;
            case EventKind.Cancel: Cancel(_tasks[what.A]); break;
            case EventKind.Asks: Asks((SimCommand)what.Body!, what.A); break;
            case EventKind.Resumes: Resumes((SimCommand)what.Body!); break;
            case EventKind.Expire: ExpireAsked(_tasks[what.A], what.B); break;
            case EventKind.ExpireAnswered: ExpireAnswered(_tasks[what.A], what.B); break;
            case EventKind.LeaveIndex: LeaveIndex(_tasks[what.A]); break;
            case EventKind.TaskGrainLost: TaskGrainLost(); break;

            case EventKind.OfferArrives: OfferArrives((OfferOnItsWay)what.Body!); break;
            case EventKind.ReportArrives: ReportArrives((ReportMessage)what.Body!); break;
            case EventKind.HeartbeatArrives: HeartbeatArrives((BeatMessage)what.Body!); break;
            case EventKind.ConnectArrives: ConnectArrives((BeatMessage)what.Body!); break;
            case EventKind.DisconnectArrives: _nodes[what.A].Rules.Disconnect((long)what.Body!, Now); break;
            case EventKind.DrainArrives: _nodes[what.A].Rules.Drain((long)what.Body!, Now); break;
            case EventKind.DropArrives: _nodes[what.A].Rules.Drop(_tasks[what.B].Id, (int)what.Body!, Causes.Cancelled, Now); break;
            case EventKind.NodeTick: NodeTick(_nodes[what.A]); break;
            case EventKind.Uncordon: Uncordon(_nodes[what.A]); break;
            case EventKind.NodeGrainLost: NodeGrainLost(); break;

            case EventKind.AssignArrives or EventKind.KillArrives or EventKind.CloseArrives or EventKind.RunBegins or EventKind.RunEnds or EventKind.ReportAgain
                or EventKind.VerdictArrives or EventKind.Beat or EventKind.SayNow or EventKind.BeatAnswered or EventKind.WorkerLeaseRunsOut or EventKind.Connect
                or EventKind.Welcome:
                OnMachine(in what);
                break;

            case EventKind.Enqueue: EnqueueArrives(_tasks[what.A], (PendingTask)what.Body!); break;
            case EventKind.Remove: RemoveArrives(_tasks[what.A]); break;
            case EventKind.ViewArrives: ViewArrives(what.A, (NodeView?)what.Body); break;
            case EventKind.Pump: Pump(what.A); break;
            case EventKind.OfferAnswered: OfferAnswered((OfferOnItsWay)what.Body!); break;
            case EventKind.OfferFailed: OfferFailed((OfferOnItsWay)what.Body!); break;
            case EventKind.DueCheck: DueCheck(what.A); break;
            case EventKind.SchedulerStarts: SchedulerStarts(what.A); break;
            case EventKind.RebuildPage: RebuildPage(what.A, what.B); break;

            case EventKind.Sweep: Sweep(); break;
            case EventKind.SweepPage: SweepPage(what.A); break;

            case EventKind.WaitBound: WaitBound(_tasks[what.A], what.B); break;
            default: Fault(in what); break;
        }
    }

    /// <summary>What needs the hub's processes to happen: neither a machine nor what goes wrong does.</summary>
    private static bool IsTheHubs(EventKind kind) => kind is < EventKind.AssignArrives or > EventKind.Welcome and < EventKind.MachineDies;

    // ------------------------------------------------------------ what the parts use

    private void Later(long after, EventKind kind, int a = 0, int b = 0, object? body = null) => _events.Add(_clock.Ticks + after, kind, a, b, body);

    /// <summary>How long a message takes.</summary>
    private long Delay()
    {
        var delay = 1 + _chance.Exponential(_plan.Delay);
        return Math.Min(_chance.Chance(_plan.Straggles) ? 100 * delay : delay, WorldPlan.LongestDelay);
    }

    /// <summary>A message that may get lost, arrive twice, and overtake others.</summary>
    private void Send(EventKind kind, int a, int b = 0, object? body = null)
    {
        if (!_ending && _chance.Chance(_plan.Lost)) return;
        Later(Delay(), kind, a, b, body);
        if (!_ending && _chance.Chance(_plan.Doubled)) Later(Delay(), kind, a, b, body);
    }

    /// <summary>A call that is made again until it is answered: late at worst.</summary>
    private void Call(EventKind kind, int a, int b = 0, object? body = null, long after = 0) =>
        Later(after + Delay() + (!_ending && _chance.Chance(_plan.Lost) ? 5 * Ticks.Second : 0), kind, a, b, body);

    private bool WriteFails() => !_ending && _chance.Chance(_plan.WriteFails);

    private SimTask TaskOf(string id) => _tasks[int.Parse(id.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)];

    private SimNode NodeOf(string id) => _nodes[int.Parse(id.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)];

    private ViolationException Broken(string invariant, string what) => new(invariant, what, _plan.Seed, _steps, Elapsed, _command);
}
