using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Nodes;

/// <summary>Nothing new for this machine: because somebody said so (durable), because it fails (memory), or because its worker leaves.</summary>
public sealed partial class NodeGrain
{
    private const string WorkerIsStopping = "its worker is stopping", DiskIsFull = "its disk is full";

    /// <summary>In memory: a machine whose grain moved or whose hub restarted gets a fresh chance, and shows again what it is.</summary>
    private readonly FailureStreak _streak = new(
        options.Value.Nodes.CordonAfterFailures, options.Value.Nodes.CordonFor, options.Value.Nodes.CordonForAtMost);
    private bool _putAside;
    /// <summary>Stored with the node: by whoever saves it next, a second later at most.</summary>
    private readonly SlowStart _slowStart = new(options.Value.Nodes.SlowStart);
    /// <summary>Since when this activation has known of each attempt, as its first tick after that found it.</summary>
    private readonly Dictionary<(string TaskId, int Attempt), long> _knownSince = [];

    private bool IsFailing => _streak.IsCordoned(time.GetUtcNow());
    /// <summary>Why it is cordoned; empty: it is not.</summary>
    private string Cordoned => _node is { Cordoned: { Length: > 0 } asked } ? asked : IsFailing ? _streak.Reason : "";
    private DateTimeOffset? CordonedUntil => _node is { Cordoned: "" } && IsFailing ? _streak.Until : null;
    /// <summary>Why it is given nothing new although it is connected; empty: it is.</summary>
    private string Withheld => Cordoned is { Length: > 0 } why ? why : _draining ? WorkerIsStopping : _usage.DiskFull ? DiskIsFull : "";

    /// <summary>The same for everybody who waits: an owner's words are not for strangers.</summary>
    private string WithheldBefore => _node is { Cordoned.Length: > 0 } ? "its owner or an admin put it aside" : Withheld;

    public async Task<NodeSnapshot> Cordon(Caller caller, string reason, TimeSpan? patience)
    {
        var node = OwnedBy(caller);
        var why = reason.Length > 0 ? reason : $"cordoned by {caller.Username}";
        var deadline = patience is null ? (DateTimeOffset?)null : time.GetUtcNow() + patience;
        await Save(node with { Cordoned = why, DrainDeadline = deadline });
        if (deadline is { } at) LogDrains(Id, at, caller.Username, why);
        else LogCordoned(Id, caller.Username, why);
        Publish();
        return (await GetSnapshot())!;
    }

    public async Task<NodeSnapshot> Uncordon(Caller caller)
    {
        var node = OwnedBy(caller);
        if (node.Cordoned.Length > 0) await Save(node with { Cordoned = "", DrainDeadline = null, LastChangeAt = time.GetUtcNow() });
        // Its owner is paid for what it runs: the hub's own finding ends with its time, or by an admin's word.
        if (IsFailing && !caller.IsAdmin)
        {
            Publish();
            throw HiveMindException.Precondition("CORDONED_BY_HUB",
                $"The hub put it aside until {_streak.Until!.Value.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC ({_streak.Reason}); it is then tried again by itself. Only an admin can end that sooner.");
        }

        if (caller.IsAdmin) _streak.Forget();
        _putAside = false;
        LogUncordoned(Id, caller.Username);
        Publish();
        return (await GetSnapshot())!;
    }

    private NodeRecord OwnedBy(Caller caller) => _node is { } node && (node.OwnerId == caller.UserId || caller.IsAdmin) ? node : throw Unknown();

    private HiveMindException Unknown()
    {
        if (_node is null) DeactivateOnIdle(); // ids that nobody registered must not fill memory
        return HiveMindException.NotFound("node", Id);
    }

    /// <summary>A worker that leaves hands back what it runs: that is no failure of the machine.</summary>
    private void NoteOutcome(string account, string cause)
    {
        if (cause == Causes.Completed && account != _node!.OwnerId) _slowStart.Succeeded(_node.Capabilities);
        if (_draining) return;
        if (FailureStreak.IsMachinesOwn(cause) && !(cause == Causes.WorkerRefused && _usage.DiskFull)) _slowStart.Failed();
        if (!_streak.Ended(account, cause, time.GetUtcNow())) return;
        _putAside = true;
        LogPutAside(Id, _streak.Until!.Value, _streak.Reason);
        NodeInstruments.PutAside();
    }

    /// <summary>How many more tasks of others it may take; null: as many as fit.</summary>
    private int? OthersLeft => _slowStart.Share(_node!.Capabilities) is { } share ? Math.Max(0, share - _room.CountBeside(_node.OwnerId)) : null;

    private bool MayTake(string userId) => userId == _node!.OwnerId || OthersLeft is not 0;

    /// <summary>What it was lent by others is lost with it, by its own doing.</summary>
    private bool LosesOthers(IReadOnlyList<WantedAttempt> lost) => lost.Any(attempt =>
        !attempt.Dropped && attempt.Assignment.Spec.UserId != _node!.OwnerId && _lease.BlamesNode(attempt.GrantedAt));

    private void TryAgain()
    {
        _putAside = false;
        LogTriedAgain(Id);
        Publish();
    }

    /// <summary>The deadline of a drain has passed: what still runs is taken back.</summary>
    private Task TakeBackAtDeadline() => _node?.DrainDeadline is { } deadline && time.GetUtcNow() >= deadline
        ? TakeBack([.. _wanted.Values.Where(attempt => !attempt.Dropped)], Causes.Drained)
        : Task.CompletedTask;

    /// <summary>
    /// Its worker should have ended it long ago: by this activation's own monotonic clock, since it has known of the attempt. One whose lease ends
    /// meanwhile is lost like any other that nobody hears of.
    /// </summary>
    private Task TakeBackOverdue()
    {
        foreach (var gone in _knownSince.Keys.Where(key => !_wanted.TryGetValue(key.TaskId, out var held) || held.Attempt != key.Attempt).ToList())
            _knownSince.Remove(gone);
        return TakeBack([.. _wanted.Values.Where(attempt => !attempt.Dropped && IsOverdue(attempt))], Causes.RunTimeout);
    }

    private bool IsOverdue(WantedAttempt attempt)
    {
        if (!_knownSince.TryGetValue((attempt.TaskId, attempt.Attempt), out var since))
            _knownSince[(attempt.TaskId, attempt.Attempt)] = since = time.GetTimestamp();
        return attempt.Assignment.OverdueAfter is { } after && time.GetElapsedTime(since) >= after;
    }

    /// <summary>
    /// Killed at the worker first: each task is told when the worker names its attempt no more, or its lease ends, so that no other machine
    /// begins while this one still runs it.
    /// </summary>
    private async Task TakeBack(IReadOnlyList<WantedAttempt> held, string cause)
    {
        if (held.Count == 0) return;
        foreach (var attempt in held) _wanted[attempt.TaskId] = attempt with { Dropped = true, TakenBackAs = cause, TakenBackAt = time.GetTimestamp() };
        LogTakenBack(Id, held.Count, cause);
        if (_link is not { } link) return;
        foreach (var attempt in held) await TellWorker(link, worker => worker.Kill(attempt.TaskId, attempt.Attempt, cause));
    }

    /// <summary>
    /// A worker that does not let go is not waited for longer than one that is silent; the room stays taken until it does. What is kept for a silent one may
    /// run on there until its lease is over, and is not begun elsewhere before; but a run that is over by its own limit.
    /// </summary>
    private void GiveUpWaiting()
    {
        bool IsWaitedForNoMore(WantedAttempt attempt) => attempt.TakenBackAs.Length > 0
            && (_node!.HoldsLease || attempt.TakenBackAs == Causes.RunTimeout) && time.GetElapsedTime(attempt.TakenBackAt) >= options.Value.Tasks.LeaseDuration;

        foreach (var kept in _wanted.Values.Where(IsWaitedForNoMore).ToList())
        {
            _wanted[kept.TaskId] = kept with { TakenBackAs = "" };
            _owed.Add(new(kept.TaskId, kept.Attempt, kept.TakenBackAs, false));
        }
    }
}
