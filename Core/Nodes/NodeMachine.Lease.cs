using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>Its lease, and what becomes of what it held: attempts with a longer lease of their own are kept while it is silent (ADR 42).</summary>
public sealed partial class NodeMachine
{
    private readonly List<LostAttempt> _owed = []; // their tasks are not yet told
    private int _telling; // passes that tell them, under way
    private bool _hasNewLosses; // that no pass has begun to tell

    /// <summary>
    /// The room of lost attempts is given away when their records were told that they are over: so no record shows the node oversubscribed. One that
    /// could not be told is told again, but holds up nothing any more.
    /// </summary>
    private bool TellsLosses => _telling > 0 || _hasNewLosses;

    private TimeSpan Silence => TaskLease.Silence(Silent, _node is { HoldsLease: false } node ? node.SilentSince : null, _now.Wall);

    /// <summary>A look at the clock: about once a second.</summary>
    public IEnumerable<Effect> Tick()
    {
        if (_node is null) yield break;
        foreach (var wait in JudgeLease()) yield return wait;
        if (_node.HoldsLease) _to.Begin(AskOwner()); // not waited for: the next look acts on it
        foreach (var wait in FollowOwner()) yield return wait;
        if (HasToTend) Tend(); // nor for this: the next look must not be late
        if (_node.EarnedShare != _slowStart.Earned)
            foreach (var wait in Save(_node, SaveOf.Earned)) yield return wait;
        TryAgain();
        Count();
        TakeBackAtDeadline();
        TakeBackOverdue();
        GiveUpWaiting();
        foreach (var wait in PayOwed()) yield return wait;
        if (!_node.HoldsLease && _owed.Count + _held.Count == 0)
            foreach (var wait in DropReminder()) yield return wait;
        var quietSince = _lastHeartbeat > _node.LastChangeAt ? _lastHeartbeat.Value : _node.LastChangeAt;
        // One that somebody cordoned is expected back: it is kept until it is uncordoned or removed.
        if (_node is { HoldsLease: false, Cordoned: "" } && _link is null && _held.Count == 0 && _now.Wall - quietSince >= _policy.ForgetAfter)
            foreach (var wait in Forget()) yield return wait;
    }

    private IEnumerable<Effect> JudgeLease()
    {
        if (_lease.Look(_now.Clock) && _node is { HoldsLease: true }) _to.Happened(new NodeEvent.HubWasAway());
        if (_node is not { HoldsLease: true }) return EndKept();
        return _lease.IsExpired(_now.Clock) ? End(Causes.NodeLost) : [];
    }

    /// <summary>The verdict: the epoch moves on, and with it everything that the node held.</summary>
    private IEnumerable<Effect> End(string cause)
    {
        if (cause == Causes.NodeLost && LosesOthers(_held.Attempts.Where(IsOver))) _slowStart.Failed();
        var silentSince = cause == Causes.NodeLost ? _now.Wall - Silent : (DateTimeOffset?)null;
        _ending = true; // a heartbeat that comes in while this is written must not renew what is being ended
        var next = _node! with
        {
            Epoch = _node.Epoch + 1, HoldsLease = false, LastChangeAt = _now.Wall, Suspended = _node.Suspended || cause == Causes.NodeSuspended, SilentSince = silentSince,
        };
        foreach (var wait in Save(next, SaveOf.Verdict)) yield return wait;
        var link = _link;
        (_link, _ending) = (null, false);
        // A run whose task has a longer lease may go on where nothing is heard of it: it stays this node's.
        var ended = _held.Attempts.Where(held => cause != Causes.NodeLost || IsOver(held)).ToList();
        _to.Happened(new NodeEvent.LeaseEnded(_node.Epoch, ended.Count, cause, _draining));
        foreach (var held in ended)
        {
            if (cause == Causes.NodeLost) AbandonLost(held);
            else Abandon(held, cause, false);
        }

        _undecided.Clear();
        Publish();
        if (link is not null) _to.Close(link, cause);
        foreach (var wait in PayOwed()) yield return wait;
    }

    private bool IsOver(HeldAttempt held) => Silence >= LeaseOf(held.Assignment.Spec);

    private TimeSpan LeaseOf(TaskSpec spec) => TaskLease.OfHub(spec.Lease, _policy.WorkerLease, _policy.Lease);

    /// <summary>The node is silent, not removed, and that attempt's lease outlasts the silence.</summary>
    private bool IsKept(TaskAssignment assignment) =>
        _node is { HoldsLease: false, SilentSince: not null, TokenHash.Length: > 0 } && MayWork
        && TaskLease.Outlasts(assignment.Spec.Lease, _policy.WorkerLease) && Silence < LeaseOf(assignment.Spec);

    /// <summary>Its node is long lost; now they are too.</summary>
    private IEnumerable<Effect> EndKept()
    {
        var over = _node is null ? [] : _held.Attempts.Where(IsOver).ToList();
        if (over.Count == 0) yield break;
        _to.Happened(new NodeEvent.KeptLost(over.Count, Silence));
        if (LosesOthers(over)) _slowStart.Failed();
        foreach (var held in over) AbandonLost(held);
        foreach (var wait in PayOwed()) yield return wait;
    }

    /// <summary>What it was lent by others is lost with it, by its own doing.</summary>
    private bool LosesOthers(IEnumerable<HeldAttempt> lost) => lost.Any(held =>
        !held.IsDropped && held.Assignment.Spec.UserId != _node!.OwnerId && _lease.BlamesNode(held.GrantedAt, _now.Clock));

    private void Abandon(HeldAttempt held, string cause, bool counts)
    {
        _held.Release(held.TaskId);
        if (held.Phase == HeldPhase.Dropped) return;
        _owed.Add(held.Phase == HeldPhase.TakenBack ? new(held.TaskId, held.Attempt, held.TakenBackAs, false) : new(held.TaskId, held.Attempt, cause, counts));
        _hasNewLosses = true;
    }

    /// <summary>Its run is gone: by its machine's doing, or because nobody answered its worker.</summary>
    private void AbandonLost(HeldAttempt held)
    {
        if (_lease.BlamesNode(held.GrantedAt, _now.Clock)) Abandon(held, Causes.NodeLost, true);
        else Abandon(held, Causes.HubAway, false);
    }

    /// <summary>Tells each task that its attempt is lost; what fails stays owed and is told again.</summary>
    private IEnumerable<Effect> PayOwed()
    {
        if (_owed.Count == 0) yield break;
        var tell = new TellLosses([.. _owed]);
        _owed.Clear();
        _hasNewLosses = false;
        _telling++;
        yield return tell;
        for (var i = 0; i < tell.Lost.Count; i++)
            if (!tell.IsTold[i]) _owed.Add(tell.Lost[i]);
        if (--_telling == 0) Publish();
    }
}
