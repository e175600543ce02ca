using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Nodes;

/// <summary>Nothing new for this machine: because somebody said so (durable), because it fails (memory), or because its worker leaves.</summary>
public sealed partial class NodeMachine
{
    private const string WorkerIsStopping = "its worker is stopping", DiskIsFull = "its disk is full";

    /// <summary>The streak is memory: a machine whose grain moved or whose hub restarted gets a fresh chance, and shows again what it is.</summary>
    private bool _putAside;

    private bool IsFailing => _streak.IsCordoned(_now.Wall);
    /// <summary>Why it is cordoned; empty: it is not.</summary>
    private string Cordoned => _node is { Cordoned: { Length: > 0 } asked } ? asked : IsFailing ? _streak.Reason : "";
    private DateTimeOffset? CordonedUntil => _node is { Cordoned: "" } && IsFailing ? _streak.Until : null;
    /// <summary>Why it is given nothing new although it is connected; empty: it is.</summary>
    private string Withheld => Cordoned is { Length: > 0 } why ? why : _draining ? WorkerIsStopping : _usage.DiskFull ? DiskIsFull : "";

    /// <summary>The same for everybody who waits: an owner's words are not for strangers.</summary>
    private string WithheldBefore => _node is { Cordoned.Length: > 0 } ? "its owner or an admin put it aside" : Withheld;

    /// <summary>How many more tasks of others it may take; null: as many as fit.</summary>
    private int? OthersLeft => _slowStart.Share(_node!.Capabilities) is { } share ? Math.Max(0, share - _held.CountBeside(_node.OwnerId)) : null;

    public IEnumerable<Effect> Cordon(Caller caller, string reason, TimeSpan? patience)
    {
        var node = OwnedBy(caller);
        var why = reason.Length > 0 ? reason : $"cordoned by {caller.Username}";
        var deadline = patience is null ? (DateTimeOffset?)null : _now.Wall + patience;
        foreach (var wait in Save(node with { Cordoned = why, DrainDeadline = deadline }, SaveOf.Cordon)) yield return wait;
        _to.Happened(new NodeEvent.Cordoned(caller.Username, why, deadline));
        Publish();
    }

    public IEnumerable<Effect> Uncordon(Caller caller)
    {
        var node = OwnedBy(caller);
        if (node.Cordoned.Length > 0)
            foreach (var wait in Save(node with { Cordoned = "", DrainDeadline = null, LastChangeAt = _now.Wall }, SaveOf.Cordon))
                yield return wait;
        // Its owner is paid for what it runs: the hub's own finding ends with its time, or by an admin's word.
        if (IsFailing && !caller.IsAdmin)
        {
            Publish();
            throw HiveMindException.Precondition("CORDONED_BY_HUB",
                $"The hub put it aside until {_streak.Until!.Value.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC ({_streak.Reason}); it is then tried again by itself. Only an admin can end that sooner.");
        }

        if (caller.IsAdmin) _streak.Forget();
        _putAside = false;
        _to.Happened(new NodeEvent.Uncordoned(caller.Username));
        Publish();
    }

    /// <summary>A worker that leaves hands back what it runs: that is no failure of the machine.</summary>
    private void NoteOutcome(string account, string cause)
    {
        if (cause == Causes.Completed && _node is { } node && account != node.OwnerId) _slowStart.Succeeded(node.Capabilities);
        if (_draining) return;
        if (FailureStreak.IsMachinesOwn(cause) && !(cause == Causes.WorkerRefused && _usage.DiskFull)) _slowStart.Failed();
        if (!_streak.Ended(account, cause, _now.Wall)) return;
        _putAside = true;
        _to.Happened(new NodeEvent.CordonedForFailures(_streak.Until!.Value, _streak.Reason));
    }

    private bool MayTake(string userId) => userId == _node!.OwnerId || OthersLeft is not 0;

    /// <summary>Its cordon as a failing machine has ended by its time.</summary>
    private void TryAgain()
    {
        if (!_putAside || _streak.IsCordoned(_now.Wall)) return;
        _putAside = false;
        _to.Happened(new NodeEvent.TriedAgain());
        Publish();
    }

    /// <summary>The deadline of a drain has passed: what still runs is taken back.</summary>
    private void TakeBackAtDeadline()
    {
        if (_node?.DrainDeadline is { } deadline && _now.Wall >= deadline) TakeBack([.. _held.Attempts.Where(held => !held.IsDropped)], Causes.Drained);
    }

    /// <summary>
    /// Its worker should have ended it long ago: by this activation's own monotonic clock, since it has known of the attempt. One whose lease ends
    /// meanwhile is lost like any other that nobody hears of.
    /// </summary>
    private void TakeBackOverdue() => TakeBack(
        [.. _held.Attempts.Where(held => !held.IsDropped && held.Assignment.OverdueAfter is { } after && _now.Since(held.KnownSince) >= after)], Causes.RunTimeout);

    /// <summary>
    /// Killed at the worker first: each task is told when the worker names its attempt no more, or its lease ends, so that no other machine
    /// begins while this one still runs it.
    /// </summary>
    private void TakeBack(IReadOnlyList<HeldAttempt> attempts, string cause)
    {
        if (attempts.Count == 0) return;
        foreach (var held in attempts) held.TakeBack(cause, _now.Clock);
        _to.Happened(new NodeEvent.TakenBack(attempts.Count, cause));
        if (_link is not { } link) return;
        foreach (var held in attempts) _to.Kill(link, held.TaskId, held.Attempt, cause);
    }

    /// <summary>
    /// A worker that does not let go is not waited for longer than one that is silent; the room stays taken until it does. What is kept for a silent one may
    /// run on there until its lease is over, and is not begun elsewhere before; but a run that is over by its own limit.
    /// </summary>
    private void GiveUpWaiting()
    {
        foreach (var held in _held.Attempts)
        {
            if (held.Phase != HeldPhase.TakenBack || _now.Since(held.TakenBackAt) < _policy.Lease) continue;
            if (!_node!.HoldsLease && held.TakenBackAs != Causes.RunTimeout) continue;
            _owed.Add(new(held.TaskId, held.Attempt, held.TakenBackAs, false));
            held.WaitNoMore();
        }
    }
}
