namespace HiveMind.Simulation;

/// <summary>
/// A pool under virtual time: the product's rules (scheduler, node, lease, task), the shells around them redone as events, and chance in
/// between. A step is one event. Everything that happens follows from the plan's seed.
/// </summary>
internal sealed class World
{
    private readonly SimEnvironment _env;
    private readonly SimPool _pool;
    private readonly CommandCarrier _carrier;
    private readonly TaskHost _tasks;
    private readonly NodeHost _nodes;
    private readonly SchedulerHost _scheduler;
    private readonly SweeperHost _sweeper;
    private readonly Workers _workers;
    private readonly Submitters _submitters;
    private readonly Faults _faults;
    private readonly AttemptLedger _attempts;
    private readonly WaitBounds _bounds;
    private readonly Audit _audit;
    private readonly Ending _ending;

    public World(WorldPlan plan, PlantedDefect? defect = null, string command = "")
    {
        _env = new(plan, defect ?? PlantedDefect.None, command);
        _pool = new(plan);
        var network = new Network(_env);
        var stores = new Stores(_env);

        // The scheduler with its checks, which know what it was told.
        var promises = new Promises(_env, _pool);
        var queue = new QueueLedger(_env, _pool, promises);
        _scheduler = new(_env, network, _pool, queue, promises, new ProgressScan(_env, _pool, queue));
        _bounds = new(_env, _pool, _scheduler);

        // Tasks, nodes and the sweep, with theirs.
        _attempts = new(_env, _pool, _bounds);
        var rooms = new RoomChecks(_env);
        var machines = new MachineChecks(_env, _pool);
        _carrier = new(_env, network, stores, rooms);
        _tasks = new(_env, network, stores, _carrier, _pool, _attempts, _scheduler);
        _nodes = new(_env, network, stores, _carrier, _pool, _tasks, _scheduler, rooms, machines);
        _sweeper = new(_env, network, _carrier, _pool, _tasks, _scheduler);

        // What is around the hub.
        var stream = new WorkerStream(_env, network);
        _workers = new(_env, _pool, _nodes, stream, new WorkerRuns(_env, network, _pool, stream, machines));
        _submitters = new(_env, _carrier, _pool, _tasks);
        _faults = new(_env, network, _pool, _tasks, _nodes, _scheduler, _workers);

        _audit = new(_env, _pool, queue, _attempts, machines, _scheduler);
        _ending = new(_env, _pool, queue, _attempts, _scheduler, _audit);
    }

    public long Steps => _env.Time.Steps;
    public ulong Trace => _env.Trace;
    public TimeSpan Elapsed => _env.Time.Elapsed;
    public IReadOnlyList<SimTask> Tasks => _pool.Tasks;
    public WorldFigures Figures => _env.Figures;
    public EventWatch? Watch { get; init; }

    /// <summary>So many steps of life; then nothing new comes, everything that was broken comes back, and all that is open must end.</summary>
    public void Run(long steps)
    {
        try
        {
            Begin();
            while (Steps < steps && !_submitters.HasAll) Step();
            End();
            while (!_ending.IsQuiet()) Step();
            _ending.Check();
        }
        catch (Exception unexpected) when (unexpected is not ViolationException)
        {
            throw _env.Broken("A rule", $"it threw {unexpected.GetType().Name}: {unexpected.Message}", unexpected);
        }
    }

    private void Begin()
    {
        _workers.Begin();
        _scheduler.Begin();
        _sweeper.Begin();
        _nodes.Begin();
        _submitters.Begin();
        _faults.Begin();
    }

    private void End()
    {
        _env.IsEnding = true;
        _attempts.Moved();
        _faults.End();
    }

    private void Step()
    {
        var what = _env.Time.Next();
        _env.AddToTrace(what.At, ((long)what.Kind << 48) ^ ((long)what.A << 24) ^ what.B);
        Watch?.Say(in what, Steps);
        Handle(in what);
        if ((Steps & 255) == 0) _audit.Check();
    }

    private void Handle(in SimEvent what)
    {
        if (_faults.HubBackAt > what.At && IsTheHubs(what.Kind))
        {
            _env.Time.At(_faults.HubBackAt, what.Kind, what.A, what.B, what.Body);
            return;
        }
        switch (what.Kind)
        {
            case EventKind.Submit or EventKind.Cancel: _submitters.Handle(in what); break;
            case EventKind.Asks or EventKind.Resumes: _carrier.Handle(in what); break;
            case EventKind.TaskGrainLost or EventKind.NodeGrainLost: _faults.Handle(in what); break;
            case >= EventKind.Expire and <= EventKind.LeaveIndex: _tasks.Handle(in what); break;
            case >= EventKind.OfferArrives and <= EventKind.Uncordon: _nodes.Handle(in what); break;
            case >= EventKind.AssignArrives and <= EventKind.Welcome: _workers.Handle(in what); break;
            case >= EventKind.Enqueue and <= EventKind.RebuildPage: _scheduler.Handle(in what); break;
            case EventKind.Sweep or EventKind.SweepPage: _sweeper.Handle(in what); break;
            case EventKind.WaitBound: _bounds.Ask(_pool.Tasks[what.A], what.B); break;
            default: _faults.Handle(in what); break;
        }
    }

    /// <summary>What needs the hub's processes to happen: neither a machine nor what goes wrong does.</summary>
    private static bool IsTheHubs(EventKind kind) => kind is < EventKind.AssignArrives or > EventKind.Welcome and < EventKind.MachineDies;
}
