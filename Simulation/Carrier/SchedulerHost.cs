using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>What `SchedulerGrain` does around the core: messages in, a pump after each burst of them, offers out, a rebuild from the index after its death.</summary>
internal sealed class SchedulerHost(SimEnvironment env, Network network, SimPool pool, QueueLedger queue, Promises promises, ProgressScan progress)
{
    private const int TasksPerTurn = 1024, RebuiltAtOnce = 128;
    public static readonly long DueEvery = Ticks.Second;

    private int _incarnation;
    private bool _pumpRequested;

    public SchedulerCore Core { get; private set; } = NewCore(env, 0);
    public bool IsUp { get; private set; }
    /// <summary>A node that says nothing for so long is forgotten.</summary>
    public long LongestSilence => 4 * env.Plan.Lease;

    public void Begin() => env.Time.Later(0, EventKind.SchedulerStarts, _incarnation);

    public void Handle(in SimEvent what)
    {
        switch (what.Kind)
        {
            case EventKind.ExpireAnswered: ExpireAnswered(pool.Tasks[what.A], what.B); break;
            case EventKind.Pump: Pump(what.A); break;
            case EventKind.OfferAnswered: OfferAnswered((OfferOnItsWay)what.Body!); break;
            case EventKind.OfferFailed: OfferFailed((OfferOnItsWay)what.Body!); break;
            case EventKind.DueCheck: DueCheck(what.A); break;
            case EventKind.SchedulerStarts: Start(what.A); break;
            case EventKind.RebuildPage: RebuildPage(what.A, what.B); break;
            default: throw what.Unhandled();
        }
    }

    private static SchedulerCore NewCore(SimEnvironment env, int incarnation) =>
        new(PlacementPolicies.ByName(env.Plan.Policy), env.Plan.Scheduling, (int)(env.Plan.Seed + (ulong)incarnation), env.Defect.Backfill);

    private void Start(int incarnation)
    {
        if (IsUp || incarnation != _incarnation) return;
        IsUp = true;
        Core = NewCore(env, _incarnation);
        env.Time.Later(0, EventKind.RebuildPage, 0, _incarnation);
        env.Time.Later(DueEvery, EventKind.DueCheck, _incarnation);
    }

    public void Die()
    {
        if (!IsUp) return;
        env.Figures.SchedulerDeaths++;
        IsUp = _pumpRequested = false;
        _incarnation++;
        queue.Clear();
        promises.Clear();
        env.Time.Later(Ticks.Second + env.Chance.Exponential(2 * Ticks.Second), EventKind.SchedulerStarts, _incarnation);
    }

    /// <summary>One pass over the index, while serving.</summary>
    private void RebuildPage(int from, int incarnation)
    {
        if (!IsUp || incarnation != _incarnation) return;
        var found = 0;
        for (; from < pool.Tasks.Count && found < RebuiltAtOnce; from++)
        {
            var task = pool.Tasks[from];
            if (!task.InIndex || task.Mark >= 0) continue;
            found++;
            Enqueue(task, task.Entry);
        }
        RequestPump();
        if (from < pool.Tasks.Count) env.Time.Later(network.Delay(), EventKind.RebuildPage, from, incarnation);
    }

    public void EnqueueArrives(SimTask task, PendingTask pending)
    {
        if (!IsUp) return;
        Enqueue(task, pending);
        RequestPump();
    }

    private void Enqueue(SimTask task, PendingTask pending)
    {
        Core.Enqueue(pending, env.Time.Now);
        queue.Enqueued(Core, task, pending);
    }

    public void RemoveArrives(SimTask task)
    {
        if (!IsUp) return;
        Core.Remove(task.Id);
        queue.Removed(Core, task);
    }

    private void ExpireAnswered(SimTask task, int incarnation)
    {
        if (!IsUp || incarnation != _incarnation) return;
        Core.ForgetExpired(task.Id);
        if (!Core.Knows(task.Id)) queue.Removed(Core, task);
    }

    public void ViewArrives(SimNode node, NodeView? view)
    {
        if (!IsUp) return;
        if (view is null) Core.NodeGone(node.Id, env.Time.Now);
        else Core.NodeChanged(view, env.Time.Now);
        queue.ViewArrived(node, view);
        RequestPump();
    }

    private void DueCheck(int incarnation)
    {
        if (!IsUp || incarnation != _incarnation) return;
        foreach (var id in Core.TakeExpired(env.Time.Now, TasksPerTurn)) network.Call(EventKind.Expire, pool.TaskOf(id).Number, _incarnation);
        Core.ForgetSilent(env.Time.Now, TimeSpan.FromTicks(LongestSilence));
        queue.ForgetSilent(Core);
        Pump(incarnation);
        env.Time.Later(DueEvery, EventKind.DueCheck, incarnation);
    }

    /// <summary>After the messages that are already here.</summary>
    private void RequestPump()
    {
        if (_pumpRequested) return;
        _pumpRequested = true;
        env.Time.Later(Ticks.Millisecond / 10, EventKind.Pump, _incarnation);
    }

    private void Pump(int incarnation)
    {
        if (!IsUp || incarnation != _incarnation) return;
        _pumpRequested = false;
        var proposed = 0;
        var offers = Core.Propose(env.Time.Now, TasksPerTurn);
        for (var i = 0; i < offers.Count; i++)
        {
            proposed += offers[i].Tasks.Count;
            Offer(offers[i]);
        }
        promises.Check(Core);
        if (proposed >= TasksPerTurn) RequestPump();
        else progress.AfterProposal(Core);
    }

    private void Offer(NodeOffer proposal)
    {
        var node = pool.NodeOf(proposal.NodeId);
        var offer = new OfferOnItsWay(proposal, node.Number, _incarnation);
        queue.Proposed(offer, node);
        var lost = network.Loses();
        if (lost)
        {
            // The scheduler gives the call up; the node may have heard it, and may yet hear it.
            offer.AnswerLost = true;
            env.Time.Later(env.Chance.Exponential(2 * Ticks.Second), EventKind.OfferFailed, node.Number, 0, offer);
            if (env.Chance.Chance(0.5)) return;
        }
        env.Time.Later(network.Delay(), EventKind.OfferArrives, node.Number, 0, offer);
    }

    private void OfferAnswered(OfferOnItsWay offer)
    {
        if (!IsUp || offer.Incarnation != _incarnation) return;
        Core.OfferAnswered(offer.Offer.NodeId, offer.Result!, env.Time.Now);
        queue.Answered(offer, offer.Result!);
        RequestPump();
    }

    private void OfferFailed(OfferOnItsWay offer)
    {
        if (!IsUp || offer.Incarnation != _incarnation) return;
        Core.OfferFailed(offer.Offer.NodeId, env.Time.Now);
        queue.Answered(offer, new OfferResult([], null));
        RequestPump();
    }
}
