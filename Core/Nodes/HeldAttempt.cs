using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>How far what a node holds has come. Each takes room until it is held no more.</summary>
public enum HeldPhase
{
    /// <summary>Offered: its task is being asked for the grant.</summary>
    Reserved,
    /// <summary>Granted, and its worker has not named it yet.</summary>
    Pushed,
    /// <summary>Its worker names it: when it is missing later, it is gone.</summary>
    Named,
    /// <summary>Its program began, and its task is not told yet.</summary>
    Begun,
    /// <summary>Its program began, and its task knows it.</summary>
    Started,
    /// <summary>Ended for the pool; its room is free when its worker names it no more.</summary>
    Dropped,
    /// <summary>Dropped, and its task is told so once its worker names it no more: no second run may begin before.</summary>
    TakenBack,
}

/// <summary>A task that a node has room reserved for, with its attempt as soon as there is one.</summary>
public sealed class HeldAttempt
{
    /// <summary>How long a message may be on its way and still be counted with.</summary>
    public static readonly TimeSpan LongestWay = TimeSpan.FromSeconds(2);

    private TaskAssignment? _assignment;

    internal HeldAttempt(string taskId) => TaskId = taskId;

    public string TaskId { get; }
    public HeldPhase Phase { get; private set; }
    /// <summary>What its worker is told. Not while it is <see cref="HeldPhase.Reserved"/>.</summary>
    public TaskAssignment Assignment => _assignment ?? throw new InvalidOperationException($"{TaskId} is reserved, and not granted yet.");
    /// <summary>0 while it is <see cref="HeldPhase.Reserved"/>.</summary>
    public int Attempt => _assignment?.Attempt ?? 0;
    /// <summary>When this activation granted it; null: an earlier one did, and what became of its push nobody knows.</summary>
    public TimeSpan? GrantedAt { get; private set; }
    /// <summary>Since when this activation has known of it.</summary>
    public TimeSpan KnownSince { get; private set; }
    /// <summary>When the index last said that it is this node's.</summary>
    public TimeSpan CheckedAt { get; internal set; }
    /// <summary>When it was last pushed; the least: never by this activation.</summary>
    public TimeSpan PushedAt { get; private set; }
    /// <summary>Pushed a second time. A worker that does not name it then either cannot be told, or has begun it before and let it go.</summary>
    public bool IsPushedAgain { get; private set; }
    /// <summary>Why it was taken back, and when.</summary>
    public string TakenBackAs { get; private set; } = "";
    public TimeSpan TakenBackAt { get; private set; }

    /// <summary>The connection it was first pushed on, and when its worker was last heard before.</summary>
    private long _epoch;
    private TimeSpan _heardBefore;
    private bool _wasNamed;
    internal int NamedIn { get; set; }

    public bool IsGranted => Phase != HeldPhase.Reserved;
    public bool IsDropped => Phase is HeldPhase.Dropped or HeldPhase.TakenBack;
    /// <summary>Its worker has named it, and it goes on.</summary>
    public bool IsNamed => Phase is HeldPhase.Named or HeldPhase.Begun or HeldPhase.Started;

    internal void Granted(TaskAssignment assignment, TimeSpan now, long epoch, TimeSpan heardBefore)
    {
        (_assignment, Phase, GrantedAt, _epoch, _heardBefore) = (assignment, HeldPhase.Pushed, now, epoch, heardBefore);
        KnownSince = CheckedAt = PushedAt = now;
    }

    internal void Adopted(TaskAssignment assignment, TimeSpan now, AttemptReport? named)
    {
        (_assignment, KnownSince, CheckedAt, PushedAt) = (assignment, now, now, TimeSpan.MinValue);
        Phase = HeldPhase.Pushed;
        if (named is not null) Named(named.Started);
    }

    /// <summary>True when it is news that its program began.</summary>
    internal bool Named(bool began)
    {
        _wasNamed = true;
        if (Phase == HeldPhase.Pushed) Phase = HeldPhase.Named;
        if (!began || Phase != HeldPhase.Named) return false;
        Phase = HeldPhase.Begun;
        return true;
    }

    /// <summary>Its task knows that its program began.</summary>
    internal void Told()
    {
        if (!IsDropped) Phase = HeldPhase.Started;
    }

    internal void Pushed(TimeSpan now, bool again = false) => (PushedAt, IsPushedAgain) = (now, IsPushedAgain || again);

    internal void Drop() => Phase = Phase == HeldPhase.TakenBack ? HeldPhase.TakenBack : HeldPhase.Dropped;

    internal void TakeBack(string cause, TimeSpan now) => (Phase, TakenBackAs, TakenBackAt) = (HeldPhase.TakenBack, cause, now);

    /// <summary>Its task is told now, though its worker may still run it.</summary>
    internal void WaitNoMore() => (Phase, TakenBackAs) = (HeldPhase.Dropped, "");

    /// <summary>Its push has had the time to be named.</summary>
    internal bool IsDue(TimeSpan now, TimeSpan interval) => PushedAt == TimeSpan.MinValue || now - PushedAt >= interval;

    /// <summary>What its worker names no more runs there no more: it was named once, or it has had the time to be.</summary>
    internal bool IsSurelyGone(TimeSpan now, TimeSpan interval) => _wasNamed || IsDue(now, interval);

    /// <summary>
    /// A push that its worker does not name surely began no program: the same stream brought it in order or not at all, and the worker cannot have
    /// let it go since, as it does when its lease is gone. It is pushed again once. Every start of a program has its own attempt number: else it is granted anew.
    /// </summary>
    public bool HasSurelyNotBegun(long epoch, TimeSpan now, TimeSpan workerLease, TimeSpan interval) =>
        GrantedAt is not null && !IsPushedAgain && _epoch == epoch && now - _heardBefore < workerLease - interval - LongestWay;
}
