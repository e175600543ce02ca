using HiveMind.Scheduling;

namespace HiveMind.Simulation;

/// <summary>What `SchedulerGrain` does around the core: messages in, a pump after each burst of them, offers out, a rebuild from the index after its death.</summary>
internal sealed partial class World
{
    private const int TasksPerTurn = 1024, RebuiltAtOnce = 128;
    private static readonly long DueEvery = Ticks.Second;

    private long LongestSilence => 4 * _plan.Lease;

    private SchedulerCore _core;
    private int _incarnation;
    private bool _schedulerUp;
    private bool _pumpRequested;
    private readonly OfferOnItsWay?[] _offers;
    /// <summary>The last word of each node that reached this incarnation, by the checks' own account.</summary>
    private readonly NodeView?[] _views;

    private SchedulerCore NewCore() => new(PlacementPolicies.ByName(_plan.Policy), _plan.Scheduling, (int)(_plan.Seed + (ulong)_incarnation), _defect.Backfill);

    private void SchedulerStarts(int incarnation)
    {
        if (_schedulerUp || incarnation != _incarnation) return;
        _schedulerUp = true;
        _core = NewCore();
        _time.Later(0, EventKind.RebuildPage, 0, _incarnation);
        _time.Later(DueEvery, EventKind.DueCheck, _incarnation);
    }

    private void SchedulerDies()
    {
        if (!_schedulerUp) return;
        Figures.SchedulerDeaths++;
        _schedulerUp = _pumpRequested = false;
        _incarnation++;
        Array.Clear(_offers);
        Array.Clear(_views);
        foreach (var task in _pool.Tasks)
            if (task.InQueue) Forgotten(task);
        _inQueue = 0;
        _promises.Clear();
        _time.Later(Ticks.Second + _chance.Exponential(2 * Ticks.Second), EventKind.SchedulerStarts, _incarnation);
    }

    /// <summary>One pass over the index, while serving.</summary>
    private void RebuildPage(int from, int incarnation)
    {
        if (!_schedulerUp || incarnation != _incarnation) return;
        var found = 0;
        for (; from < _pool.Tasks.Count && found < RebuiltAtOnce; from++)
        {
            var task = _pool.Tasks[from];
            if (!task.InIndex || task.Mark >= 0) continue;
            found++;
            Enqueue(task, task.Entry);
        }
        RequestPump();
        if (from < _pool.Tasks.Count) _time.Later(_network.Delay(), EventKind.RebuildPage, from, incarnation);
    }

    private void EnqueueArrives(SimTask task, PendingTask pending)
    {
        if (!_schedulerUp) return;
        Enqueue(task, pending);
        RequestPump();
    }

    private void Enqueue(SimTask task, PendingTask pending)
    {
        _core.Enqueue(pending, _time.Now);
        Enqueued(task, pending);
    }

    private void RemoveArrives(SimTask task)
    {
        if (!_schedulerUp) return;
        _core.Remove(task.Id);
        Removed(task);
    }

    private void ExpireAnswered(SimTask task, int incarnation)
    {
        if (!_schedulerUp || incarnation != _incarnation) return;
        _core.ForgetExpired(task.Id);
        if (!_core.Knows(task.Id)) Removed(task);
    }

    private void ViewArrives(int number, NodeView? view)
    {
        if (!_schedulerUp) return;
        Heard(_pool.Nodes[number], view);
        if (view is null)
        {
            _core.NodeGone(_pool.Nodes[number].Id, _time.Now);
            _views[number] = null;
        }
        else
        {
            _core.NodeChanged(view, _time.Now);
            if (_views[number] is not { } known || view.IsNewsAfter(known)) _views[number] = view;
        }
        RequestPump();
    }

    private void DueCheck(int incarnation)
    {
        if (!_schedulerUp || incarnation != _incarnation) return;
        foreach (var id in _core.TakeExpired(_time.Now, TasksPerTurn)) _network.Call(EventKind.Expire, _pool.TaskOf(id).Number, _incarnation);
        _core.ForgetSilent(_time.Now, TimeSpan.FromTicks(LongestSilence));
        for (var number = 0; number < _views.Length; number++)
            if (_views[number] is not null && _core.Pool.Find(_pool.Nodes[number].Id) is not { View: not null }) _views[number] = null;
        Pump(incarnation);
        _time.Later(DueEvery, EventKind.DueCheck, incarnation);
    }

    /// <summary>After the messages that are already here.</summary>
    private void RequestPump()
    {
        if (_pumpRequested) return;
        _pumpRequested = true;
        _time.Later(Ticks.Millisecond / 10, EventKind.Pump, _incarnation);
    }

    private void Pump(int incarnation)
    {
        if (!_schedulerUp || incarnation != _incarnation) return;
        _pumpRequested = false;
        var proposed = 0;
        var offers = _core.Propose(_time.Now, TasksPerTurn);
        for (var i = 0; i < offers.Count; i++)
        {
            proposed += offers[i].Tasks.Count;
            Offer(offers[i]);
        }
        CheckPromises();
        if (proposed >= TasksPerTurn) RequestPump();
        else if (_smallWorld || (_time.Steps & 127) == 0) CheckProgress();
    }

    private void Offer(NodeOffer proposal)
    {
        var node = _pool.NodeOf(proposal.NodeId);
        var offer = new OfferOnItsWay(proposal, node.Number, _incarnation);
        Proposed(offer, node);
        var lost = _network.Loses();
        if (lost)
        {
            // The scheduler gives the call up; the node may have heard it, and may yet hear it.
            offer.AnswerLost = true;
            _time.Later(_chance.Exponential(2 * Ticks.Second), EventKind.OfferFailed, node.Number, 0, offer);
            if (_chance.Chance(0.5)) return;
        }
        _time.Later(_network.Delay(), EventKind.OfferArrives, node.Number, 0, offer);
    }

    private void OfferAnswered(OfferOnItsWay offer)
    {
        if (!_schedulerUp || offer.Incarnation != _incarnation) return;
        _core.OfferAnswered(offer.Offer.NodeId, offer.Result!, _time.Now);
        Answered(offer, offer.Result!);
        RequestPump();
    }

    private void OfferFailed(OfferOnItsWay offer)
    {
        if (!_schedulerUp || offer.Incarnation != _incarnation) return;
        _core.OfferFailed(offer.Offer.NodeId, _time.Now);
        Answered(offer, new OfferResult([], null));
        RequestPump();
    }
}
