using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Simulation;

/// <summary>What a machine says on its stream, or when it opens one.</summary>
internal sealed record BeatMessage(int Node, int Life, long Hello, long Epoch, IReadOnlyList<AttemptReport> Running, long SentAt);

/// <summary>A report on a stream (its epoch) or by a call of its own (epoch 0).</summary>
internal sealed record ReportMessage(int Node, int Life, long Epoch, TaskOutcomeReport Report);

internal sealed record VerdictMessage(ReportMessage Of, ReportVerdictKind Verdict);

/// <summary>
/// Carries the nodes' machines, which are the product's own: calls, activations, effects.
/// </summary>
internal sealed partial class World
{
    private static readonly long LookEvery = Ticks.Second;

    // ------------------------------------------------------------ activations

    private SimNode NewNode(int number)
    {
        var planned = _plan.Nodes[number];
        var owner = _plan.Users[planned.Owner].Id;
        var node = new SimNode(number, planned.Id, owner, planned.Owner, _plan)
        {
            Stored = new NodeRecord
            {
                OwnerId = owner, OwnerName = owner, Capabilities = planned.Lends, TokenHash = [1], RegisteredAt = _time.Now, LastChangeAt = _time.Now, EarnedShare = SlowStart.Nothing,
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
        node.Rules = new NodeMachine(node.Id, $"{node.Activation}", _nodePolicy, _time.Instant, new NodeEffects(this, node));
        node.MayExceed = true; // it shrank while nobody counted, perhaps
        Run(node, node.Rules.Wake(node.Stored), isExclusive: true);
    }

    private void Restart(SimNode node)
    {
        node.TickWaits = false;
        Lose(node, () => Activate(node), wait =>
        {
            if (wait is SaveNode save) node.Stored = save.Next;
        });
    }

    private void NodeGrainLost()
    {
        var node = _pool.Nodes[_chance.Below(_pool.Nodes.Length)];
        if (node.IsRegistered)
        {
            Figures.NodeGrainsLost++;
            Restart(node);
        }
        FaultAgain(EventKind.NodeGrainLost, _plan.NodeGrainLosses);
    }

    private Dictionary<string, string?> Open(IReadOnlyList<string> ids)
    {
        var open = new Dictionary<string, string?>(ids.Count);
        foreach (var id in ids)
            if (_pool.TaskOf(id) is { InIndex: true } task) open[id] = task.Mark >= 0 ? _pool.Nodes[task.Mark].Id : null;
        return open;
    }

    // ------------------------------------------------------------ calls

    private void OfferArrives(OfferOnItsWay offer)
    {
        var node = _pool.Nodes[offer.Node];
        var reply = new Reply<OfferResult>();
        void Failed()
        {
            if (!offer.AnswerLost) _time.Later(_network.Delay(), EventKind.OfferFailed, offer.Node, 0, offer);
        }

        var before = node.Rules.Held.CountBeside(node.OwnerId);
        Run(node, node.Rules.Offer([.. offer.Offer.Tasks.Select(task => new TaskOffer(task))], reply), isExclusive: false, refused =>
        {
            if (refused is not null) Failed();
            else if (!offer.AnswerLost)
            {
                offer.Result = reply.Value;
                CheckRoom(node, offer.Result.View);
                _time.Later(_network.Delay(), EventKind.OfferAnswered, node.Number, 0, offer);
            }
        }, Failed);
        CheckShare(node, before);
    }

    private void ConnectArrives(BeatMessage hello)
    {
        var node = _pool.Nodes[hello.Node];
        if (!node.IsRegistered) return;
        var reply = new Reply<NodeWelcome>();
        var start = new WorkerStart($"{hello.Life}", node.Stored!.Instance.Length > 0 ? [node.Stored.Instance] : []);
        Run(node, node.Rules.Connect(new SimLink(hello.Life, hello.Hello), node.Capabilities, hello.Running, start, reply), isExclusive: true, refused =>
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
        CheckLoad(node);
        try
        {
            node.Rules.Heartbeat(beat.Epoch, new SimLink(beat.Life, beat.Hello), beat.Running, new NodeUsage(0, 0, 0), _time.Instant);
            if (_defect.AnswersHeartbeatsLast && node.Begun > 0) node.AfterBegun.Add(Answer);
            else Answer();
            void Answer() => _network.Send(EventKind.BeatAnswered, node.Number, beat.Life, beat);
        }
        catch (HiveMindException)
        {
            _network.Send(EventKind.BeatAnswered, node.Number, beat.Life, beat with { SentAt = -1 });
        }
    }

    private void ReportArrives(ReportMessage message)
    {
        var node = _pool.Nodes[message.Node];
        var reply = new Reply<IReadOnlyList<ReportVerdict>>();
        Run(node, node.Rules.Report(message.Epoch, [message.Report], reply), isExclusive: false, refused =>
        {
            if (message.Report.IsStart || refused is not null) return;
            if (reply.Value[0].Kind == ReportVerdictKind.Stale) Figures.Stale++;
            if (reply.Value[0].Kind == ReportVerdictKind.Accepted && !IsClosed(_pool.TaskOf(message.Report.TaskId), node, message.Report.Attempt))
                throw _env.Broken("I1", $"the end of attempt {message.Report.Attempt} of {message.Report.TaskId} on {node.Id} is acknowledged, and is not stored");
            _network.Send(EventKind.VerdictArrives, node.Number, message.Life, new VerdictMessage(message, reply.Value[0].Kind));
        });
    }

    private void NodeTick(SimNode node)
    {
        _time.Later(LookEvery, EventKind.NodeTick, node.Number);
        if (!node.IsRegistered || node.TickWaits) return;
        node.TickWaits = true;
        Run(node, node.Rules.Tick(), isExclusive: true, _ => node.TickWaits = false);
    }

    private void Cordon(SimNode node, long patience) => Run(
        node, node.Rules.Cordon(Admin, "", patience < 0 ? null : TimeSpan.FromTicks(patience)), isExclusive: true);

    private void Uncordon(SimNode node) => Run(node, node.Rules.Uncordon(Admin), isExclusive: true);

    private static Caller Admin { get; } = new("admin", "admin", Roles.Admin);

    private static Caller OwnerOf(SimNode node) => new(node.OwnerId, node.OwnerId, Roles.User);

    /// <param name="node">A machine without a node.</param>
    /// <param name="registered">It has one.</param>
    /// <param name="unanswered">The call got no answer: whoever made it makes it again.</param>
    private void Register(SimNode node, Action registered, Action unanswered) => Run(
        node, node.Rules.Register(new(OwnerOf(node), NodeTypes.Worker, "", 0, node.Capabilities), [1]), isExclusive: true, refused =>
        {
            if (refused is not null) throw _env.Broken("Conservation", $"{node.Id} may not be registered by its owner: {refused.Message}");
            registered();
        }, unanswered);

    // ------------------------------------------------------------ what nobody waits for

    private sealed class NodeEffects(World world, SimNode node) : INodeEffects
    {
        private readonly int _activation = node.Activation;

        public void Push(object link, IReadOnlyList<TaskAssignment> attempts) => world._network.Send(EventKind.AssignArrives, node.Number, ((SimLink)link).Life, attempts);

        public void Kill(object link, string taskId, int attempt, string reason) =>
            world._network.Send(EventKind.KillArrives, node.Number, ((SimLink)link).Life, new AttemptReport(taskId, attempt, false));

        public void Close(object link, string reason) => world._network.Send(EventKind.CloseArrives, node.Number, ((SimLink)link).Life, link);

        public void Begin(IEnumerable<Effect> command)
        {
            if (node.Activation != _activation) return;
            node.Begun++;
            world.Run(node, command, isExclusive: false, _ =>
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
                    world.Figures.Adopted++;
                    node.MayExceed = true;
                    break;
                case NodeEvent.LeaseEnded { Cause: Causes.NodeLost } lost: world.Figures.Kept += node.Rules.Held.Count - lost.Attempts; break;
                case NodeEvent.CordonedForFailures: world.Figures.Cordoned++; break;
                case NodeEvent.TakenBack back: world.Figures.TakenBack += back.Attempts; break;
            }
        }
    }
}
