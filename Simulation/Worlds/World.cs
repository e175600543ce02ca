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
    private readonly SimEnvironment _env;
    private readonly Timeline _time;
    private readonly SimRandom _work;
    private readonly SimRandom _chance;
    private readonly Network _network;
    private readonly Stores _stores;
    private readonly SimPool _pool;
    /// <summary>The hub does nothing before then.</summary>
    private long _hubBackAt;

    public World(WorldPlan plan, PlantedDefect? defect = null, string command = "")
    {
        _plan = plan;
        _defect = defect ?? PlantedDefect.None;
        _env = new(plan, _defect, command);
        _time = _env.Time;
        _network = new(_env);
        _stores = new(_env);
        _pool = new(plan);
        _policy = new TaskPolicy(Rates, plan.MaxAttempts, plan.CrashLimit);
        _sweep = new SweepSteps(_orphans, Happened);
        _work = _env.Work;
        _chance = _env.Chance;
        _nodePolicy = new NodePolicy
        {
            HeartbeatInterval = TimeSpan.FromTicks(plan.Heartbeat), WorkerLease = TimeSpan.FromTicks(plan.WorkerLease), Lease = TimeSpan.FromTicks(plan.Lease),
            LookEvery = TimeSpan.FromTicks(LookEvery), ForgetAfter = TimeSpan.MaxValue, CordonAfterFailures = plan.CordonAfterFailures,
            CordonFor = plan.CordonFor, CordonForAtMost = 4 * plan.CordonFor, SlowStart = plan.SlowStart,
        };
        for (var node = 0; node < _pool.Nodes.Length; node++) _pool.Nodes[node] = NewNode(node);
        _views = new NodeView?[_pool.Nodes.Length];
        _offers = new OfferOnItsWay?[_pool.Nodes.Length];
        _held = new (int, long)[plan.Users.Count];
        _core = NewCore();
        PrepareLoad();
        PrepareBounds();
    }

    public long Steps => _time.Steps;
    public ulong Trace => _env.Trace;
    public TimeSpan Elapsed => _time.Elapsed;
    public IReadOnlyList<SimTask> Tasks => _pool.Tasks;
    public WorldFigures Figures => _env.Figures;
    public EventWatch? Watch { get; init; }

    /// <summary>So many steps of life; then nothing new comes, everything that was broken comes back, and all that is open must end.</summary>
    public void Run(long steps)
    {
        try
        {
            Begin();
            while (_time.Steps < steps && !(_plan.Tasks > 0 && _submitted == _plan.Tasks)) Step();
            End();
            while (!IsQuiet()) Step();
            CheckEnd();
        }
        catch (Exception unexpected) when (unexpected is not ViolationException)
        {
            throw _env.Broken("A rule", $"it threw {unexpected.GetType().Name}: {unexpected.Message}", unexpected);
        }
    }

    private void Begin()
    {
        foreach (var node in _pool.Nodes) _time.Later(_chance.Exponential(Ticks.Second / 4), EventKind.MachineStarts, node.Number, node.Machine.Life);
        _time.Later(0, EventKind.SchedulerStarts, _incarnation);
        _time.Later(_plan.SweepEvery, EventKind.Sweep);
        foreach (var node in _pool.Nodes) _time.Later(_chance.Below((int)LookEvery), EventKind.NodeTick, node.Number);
        _time.Later(2 * Ticks.Second, EventKind.Submit, -1);
        BeginFaults();
    }

    private void Step()
    {
        var what = _time.Next();
        _env.AddToTrace(what.At, ((long)what.Kind << 48) ^ ((long)what.A << 24) ^ what.B);
        Watch?.Say(in what, _time.Steps);
        Handle(in what);
        if ((_time.Steps & 255) == 0) Audit();
    }

    private void Handle(in SimEvent what)
    {
        if (_hubBackAt > _time.Ticks && IsTheHubs(what.Kind))
        {
            _time.At(_hubBackAt, what.Kind, what.A, what.B, what.Body);
            return;
        }
        switch (what.Kind)
        {
            case EventKind.Submit: Submit(what.A, what.B); break;
            case EventKind.Cancel: Cancel(_pool.Tasks[what.A]); break;
            case EventKind.Asks: Asks((SimCommand)what.Body!, what.A); break;
            case EventKind.Resumes: Resumes((SimCommand)what.Body!); break;
            case EventKind.Expire: ExpireAsked(_pool.Tasks[what.A], what.B); break;
            case EventKind.ExpireAnswered: ExpireAnswered(_pool.Tasks[what.A], what.B); break;
            case EventKind.LeaveIndex: LeaveIndex(_pool.Tasks[what.A]); break;
            case EventKind.TaskGrainLost: TaskGrainLost(); break;

            case EventKind.OfferArrives: OfferArrives((OfferOnItsWay)what.Body!); break;
            case EventKind.ReportArrives: ReportArrives((ReportMessage)what.Body!); break;
            case EventKind.HeartbeatArrives: HeartbeatArrives((BeatMessage)what.Body!); break;
            case EventKind.ConnectArrives: ConnectArrives((BeatMessage)what.Body!); break;
            case EventKind.DisconnectArrives: _pool.Nodes[what.A].Rules.Disconnect((long)what.Body!, _time.Instant); break;
            case EventKind.DrainArrives: _pool.Nodes[what.A].Rules.Drain((long)what.Body!, _time.Instant); break;
            case EventKind.DropArrives: _pool.Nodes[what.A].Rules.Drop(_pool.Tasks[what.B].Id, (int)what.Body!, Causes.Cancelled, _time.Instant); break;
            case EventKind.NodeTick: NodeTick(_pool.Nodes[what.A]); break;
            case EventKind.Uncordon: Uncordon(_pool.Nodes[what.A]); break;
            case EventKind.NodeGrainLost: NodeGrainLost(); break;

            case EventKind.AssignArrives or EventKind.KillArrives or EventKind.CloseArrives or EventKind.RunBegins or EventKind.RunEnds or EventKind.ReportAgain
                or EventKind.VerdictArrives or EventKind.Beat or EventKind.SayNow or EventKind.BeatAnswered or EventKind.WorkerLeaseRunsOut or EventKind.Connect
                or EventKind.Welcome:
                OnMachine(in what);
                break;

            case EventKind.Enqueue: EnqueueArrives(_pool.Tasks[what.A], (PendingTask)what.Body!); break;
            case EventKind.Remove: RemoveArrives(_pool.Tasks[what.A]); break;
            case EventKind.ViewArrives: ViewArrives(what.A, (NodeView?)what.Body); break;
            case EventKind.Pump: Pump(what.A); break;
            case EventKind.OfferAnswered: OfferAnswered((OfferOnItsWay)what.Body!); break;
            case EventKind.OfferFailed: OfferFailed((OfferOnItsWay)what.Body!); break;
            case EventKind.DueCheck: DueCheck(what.A); break;
            case EventKind.SchedulerStarts: SchedulerStarts(what.A); break;
            case EventKind.RebuildPage: RebuildPage(what.A, what.B); break;

            case EventKind.Sweep: Sweep(); break;
            case EventKind.SweepPage: SweepPage(what.A); break;

            case EventKind.WaitBound: WaitBound(_pool.Tasks[what.A], what.B); break;
            default: Fault(in what); break;
        }
    }

    /// <summary>What needs the hub's processes to happen: neither a machine nor what goes wrong does.</summary>
    private static bool IsTheHubs(EventKind kind) => kind is < EventKind.AssignArrives or > EventKind.Welcome and < EventKind.MachineDies;
}
