using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Simulation;

/// <summary>Carries the nodes' machines, which are the product's own: calls, activations, effects.</summary>
internal sealed class NodeHost
{
    private static readonly long LookEvery = Ticks.Second;

    private readonly SimEnvironment _env;
    private readonly Network _network;
    private readonly CommandCarrier _carrier;
    private readonly SimPool _pool;
    private readonly RoomChecks _rooms;
    private readonly MachineChecks _machines;
    private readonly NodePolicy _policy;
    private readonly NodeEffectHandler _handler;

    public NodeHost(
        SimEnvironment env, Network network, Stores stores, CommandCarrier carrier, SimPool pool, TaskHost tasks, SchedulerHost scheduler, RoomChecks rooms, MachineChecks machines)
    {
        (_env, _network, _carrier, _pool, _rooms, _machines) = (env, network, carrier, pool, rooms, machines);
        _handler = new(env, network, stores, carrier, pool, this, tasks, scheduler);
        _policy = new NodePolicy
        {
            HeartbeatInterval = TimeSpan.FromTicks(env.Plan.Heartbeat), WorkerLease = TimeSpan.FromTicks(env.Plan.WorkerLease), Lease = TimeSpan.FromTicks(env.Plan.Lease),
            LookEvery = TimeSpan.FromTicks(LookEvery), ForgetAfter = TimeSpan.MaxValue, CordonAfterFailures = env.Plan.CordonAfterFailures,
            CordonFor = env.Plan.CordonFor, CordonForAtMost = 4 * env.Plan.CordonFor, SlowStart = env.Plan.SlowStart,
        };
        for (var number = 0; number < pool.Nodes.Length; number++) pool.Nodes[number] = Create(number);
    }

    public void Begin()
    {
        foreach (var node in _pool.Nodes) _env.Time.Later(_env.Chance.Below((int)LookEvery), EventKind.NodeTick, node.Number);
    }

    public void Handle(in SimEvent what)
    {
        switch (what.Kind)
        {
            case EventKind.OfferArrives: OfferArrives((OfferOnItsWay)what.Body!); break;
            case EventKind.ReportArrives: ReportArrives((ReportMessage)what.Body!); break;
            case EventKind.HeartbeatArrives: HeartbeatArrives((BeatMessage)what.Body!); break;
            case EventKind.ConnectArrives: ConnectArrives((BeatMessage)what.Body!); break;
            case EventKind.DisconnectArrives: _pool.Nodes[what.A].Rules.Disconnect((long)what.Body!, _env.Time.Instant); break;
            case EventKind.DrainArrives: _pool.Nodes[what.A].Rules.Drain((long)what.Body!, _env.Time.Instant); break;
            case EventKind.NodeTick: Tick(_pool.Nodes[what.A]); break;
            case EventKind.Uncordon: Uncordon(_pool.Nodes[what.A]); break;
            default: throw what.Unhandled();
        }
    }

    // ------------------------------------------------------------ activations

    private SimNode Create(int number)
    {
        var planned = _env.Plan.Nodes[number];
        var owner = _env.Plan.Users[planned.Owner].Id;
        var node = new SimNode(number, planned.Id, owner, planned.Owner, _env.Plan)
        {
            Handler = _handler,
            Stored = new NodeRecord
            {
                OwnerId = owner, OwnerName = owner, Capabilities = planned.Lends, TokenHash = [1], RegisteredAt = _env.Time.Now, LastChangeAt = _env.Time.Now, EarnedShare = SlowStart.Nothing,
            },
        };
        Activate(node);
        return node;
    }

    private void Activate(SimNode node)
    {
        node.Activation++;
        node.Begun = 0;
        node.AfterBegun.Clear();
        node.Rules = new NodeMachine(node.Id, $"{node.Activation}", _policy, _env.Time.Instant, new Pushes(_env, _network, _carrier, node));
        node.MayExceed = true; // it shrank while nobody counted, perhaps
        _carrier.Run(node, node.Rules.Wake(node.Stored), isExclusive: true);
    }

    public void Restart(SimNode node)
    {
        node.TickWaits = false;
        _carrier.Lose(node, () => Activate(node), wait =>
        {
            if (wait is SaveNode save) node.Stored = save.Next;
        });
    }

    // ------------------------------------------------------------ calls

    private void OfferArrives(OfferOnItsWay offer)
    {
        var node = _pool.Nodes[offer.Node];
        var reply = new Reply<OfferResult>();
        void Failed()
        {
            if (!offer.AnswerLost) _env.Time.Later(_network.Delay(), EventKind.OfferFailed, offer.Node, 0, offer);
        }

        var before = node.Rules.Held.CountBeside(node.OwnerId);
        _carrier.Run(node, node.Rules.Offer([.. offer.Offer.Tasks.Select(task => new TaskOffer(task))], reply), isExclusive: false, refused =>
        {
            if (refused is not null) Failed();
            else if (!offer.AnswerLost)
            {
                offer.Result = reply.Value;
                _rooms.Check(node, offer.Result.View);
                _env.Time.Later(_network.Delay(), EventKind.OfferAnswered, node.Number, 0, offer);
            }
        }, Failed);
        _rooms.CheckShare(node, before);
    }

    private void ConnectArrives(BeatMessage hello)
    {
        var node = _pool.Nodes[hello.Node];
        if (!node.IsRegistered) return;
        var reply = new Reply<NodeWelcome>();
        var start = new WorkerStart($"{hello.Life}", node.Stored!.Instance.Length > 0 ? [node.Stored.Instance] : []);
        _carrier.Run(node, node.Rules.Connect(new SimLink(hello.Life, hello.Hello), node.Capabilities, hello.Running, start, reply), isExclusive: true, refused =>
        {
            if (refused is not null) return;
            if (reply.Value.Epoch <= node.LastEpoch || node.Stored!.Epoch < reply.Value.Epoch)
                throw _env.Broken("I1", $"{node.Id} is welcomed to epoch {reply.Value.Epoch}: {node.LastEpoch} was the last, and {node.Stored!.Epoch} is stored");
            node.LastEpoch = reply.Value.Epoch;
            _network.Send(EventKind.Welcome, node.Number, hello.Life, hello with { Epoch = reply.Value.Epoch });
        });
    }

    private void HeartbeatArrives(BeatMessage beat)
    {
        var node = _pool.Nodes[beat.Node];
        _machines.CheckLoad(node);
        void Answer()
        {
            MachineChecks.CheckAnswer(_env, node);
            _network.Send(EventKind.BeatAnswered, node.Number, beat.Life, beat);
        }
        try
        {
            node.Rules.Heartbeat(beat.Epoch, new SimLink(beat.Life, beat.Hello), beat.Running, new NodeUsage(0, 0, 0), _env.Time.Instant);
            if (_env.Defect.AnswersHeartbeatsLast && node.Begun > 0) node.AfterBegun.Add(Answer);
            else Answer();
        }
        catch (HiveMindException)
        {
            if (_env.Defect.AnswersWhileALeaseEnds && node.Stored?.Epoch == beat.Epoch) Answer();
            else _network.Send(EventKind.BeatAnswered, node.Number, beat.Life, beat with { SentAt = -1 });
        }
    }

    private void ReportArrives(ReportMessage message)
    {
        var node = _pool.Nodes[message.Node];
        var reply = new Reply<IReadOnlyList<ReportVerdict>>();
        _carrier.Run(node, node.Rules.Report(message.Epoch, [message.Report], reply), isExclusive: false, refused =>
        {
            if (message.Report.IsStart || refused is not null) return;
            if (reply.Value[0].Kind == ReportVerdictKind.Stale) _env.Figures.Stale++;
            if (reply.Value[0].Kind == ReportVerdictKind.Accepted && !AttemptLedger.IsClosed(_pool.TaskOf(message.Report.TaskId), node, message.Report.Attempt))
                throw _env.Broken("I1", $"the end of attempt {message.Report.Attempt} of {message.Report.TaskId} on {node.Id} is acknowledged, and is not stored");
            _network.Send(EventKind.VerdictArrives, node.Number, message.Life, new VerdictMessage(message, reply.Value[0].Kind));
        });
    }

    private void Tick(SimNode node)
    {
        _env.Time.Later(LookEvery, EventKind.NodeTick, node.Number);
        if (!node.IsRegistered || node.TickWaits) return;
        node.TickWaits = true;
        _carrier.Run(node, node.Rules.Tick(), isExclusive: true, _ => node.TickWaits = false);
    }

    public void Cordon(SimNode node, long patience) => _carrier.Run(
        node, node.Rules.Cordon(Admin, "", patience < 0 ? null : TimeSpan.FromTicks(patience)), isExclusive: true);

    private void Uncordon(SimNode node) => _carrier.Run(node, node.Rules.Uncordon(Admin), isExclusive: true);

    /// <summary>Gone for good, as far as the hub knows. Either way it can come back.</summary>
    public void Unregister(SimNode node, Action over) => _carrier.Run(node, node.Rules.Unregister(OwnerOf(node)), isExclusive: true, _ => over(), over);

    private static Caller Admin { get; } = new("admin", "admin", Roles.Admin);

    private static Caller OwnerOf(SimNode node) => new(node.OwnerId, node.OwnerId, Roles.User);

    /// <param name="node">A machine without a node.</param>
    /// <param name="registered">It has one.</param>
    /// <param name="unanswered">The call got no answer: whoever made it makes it again.</param>
    public void Register(SimNode node, Action registered, Action unanswered) => _carrier.Run(
        node, node.Rules.Register(new(OwnerOf(node), NodeTypes.Worker, "", 0, node.Capabilities), [1]), isExclusive: true, refused =>
        {
            if (refused is not null) throw _env.Broken("Conservation", $"{node.Id} may not be registered by its owner: {refused.Message}");
            registered();
        }, unanswered);

    /// <summary>What no command waits for.</summary>
    private sealed class Pushes(SimEnvironment env, Network network, CommandCarrier carrier, SimNode node) : INodeEffects
    {
        private readonly int _activation = node.Activation;

        public void Push(object link, IReadOnlyList<TaskAssignment> attempts) => network.Send(EventKind.AssignArrives, node.Number, ((SimLink)link).Life, attempts);

        public void Kill(object link, string taskId, int attempt, string reason) =>
            network.Send(EventKind.KillArrives, node.Number, ((SimLink)link).Life, new AttemptReport(taskId, attempt, false));

        public void Close(object link, string reason) => network.Send(EventKind.CloseArrives, node.Number, ((SimLink)link).Life, link);

        public void Begin(IEnumerable<Effect> command)
        {
            if (node.Activation != _activation) return;
            node.Begun++;
            carrier.Run(node, command, isExclusive: false, _ =>
            {
                if (--node.Begun > 0 || node.AfterBegun.Count == 0) return;
                Action[] after = [.. node.AfterBegun];
                node.AfterBegun.Clear();
                foreach (var one in after) one();
            });
        }

        public void Count(NodeGauges figures)
        {
        }

        public void Leave()
        {
        }

        public void Happened(NodeEvent what)
        {
            switch (what)
            {
                case NodeEvent.Adopted:
                    env.Figures.Adopted++;
                    node.MayExceed = true;
                    break;
                case NodeEvent.LeaseEnded { Cause: Causes.NodeLost } lost: env.Figures.Kept += node.Rules.Held.Count - lost.Attempts; break;
                case NodeEvent.CordonedForFailures: env.Figures.Cordoned++; break;
                case NodeEvent.TakenBack back: env.Figures.TakenBack += back.Attempts; break;
            }
        }
    }
}
