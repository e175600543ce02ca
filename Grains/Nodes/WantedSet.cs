using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>An attempt this node should hold.</summary>
/// <param name="Assignment">What its worker is told.</param>
/// <param name="PushedAt">When it was last pushed; 0: never by this activation.</param>
public sealed record WantedAttempt(TaskAssignment Assignment, long PushedAt)
{
    public string TaskId => Assignment.TaskId;
    public int Attempt => Assignment.Attempt;
    /// <summary>When this activation granted it; null: an earlier one did, and what became of its push nobody knows.</summary>
    public long? GrantedAt { get; init; }
    /// <summary>The connection it was first pushed on, and when its worker was last heard before.</summary>
    public long Epoch { get; init; }
    public long HeardBefore { get; init; }
    /// <summary>Pushed a second time. A worker that does not name it then either cannot be told, or has begun it before and let it go.</summary>
    public bool IsPushedAgain { get; init; }
    /// <summary>The worker has named it once: when it is missing later, it is gone.</summary>
    public bool Seen { get; init; }
    /// <summary>Ended for the pool, or about to; its room is free when the worker names it no more.</summary>
    public bool Dropped { get; init; }
    /// <summary>Dropped, and its task is told so with this cause once the worker names it no more: no second run may begin before.</summary>
    public string TakenBackAs { get; init; } = "";
    public long TakenBackAt { get; init; }
    /// <summary>When the index last said that it is this node's.</summary>
    public long CheckedAt { get; init; }

    /// <summary>
    /// A push that its worker does not name surely began no program: the same stream brought it in order or not at all, and the worker cannot have
    /// let it go since, as it does when its lease is gone. It is pushed again once. Every start of a program has its own attempt number: else it is granted anew.
    /// </summary>
    public bool HasSurelyNotBegun(long epoch, TimeSpan heardBefore, TimeSpan workerLease, TimeSpan interval) =>
        GrantedAt is not null && !IsPushedAgain && Epoch == epoch && heardBefore < workerLease - interval - LongestWay;

    /// <summary>How long a message may be on its way and still be counted with.</summary>
    internal static readonly TimeSpan LongestWay = TimeSpan.FromSeconds(2);
}

/// <summary>What a heartbeat asks for, by level and not by edge: lost pushes, lost cancels and reconnects are one case.</summary>
public sealed record Reconciliation(
    IReadOnlyList<WantedAttempt> Push, IReadOnlyList<AttemptReport> Kill, IReadOnlyList<WantedAttempt> Gone, IReadOnlyList<WantedAttempt> Free,
    IReadOnlyList<AttemptReport> Unknown, IReadOnlyList<WantedAttempt> Update)
{
    /// <summary>Wanted and never named, and it may have begun all the same: closed uncounted and granted anew.</summary>
    public IReadOnlyList<WantedAttempt> Unsure { get; init; } = [];
}

/// <summary>
/// Compares the attempts a node should hold with those its worker names. Wanted and never seen: pushed again if it surely has not begun, else
/// given up for another number. Wanted, seen and now missing: gone with its run. Dropped and named: killed again. Dropped and missing: its
/// room is free. Not wanted: unknown, to be looked up (a fresh activation does not know yet what its worker holds).
/// </summary>
public static class WantedSet
{
    public static Reconciliation Reconcile(
        IReadOnlyDictionary<string, WantedAttempt> wanted, IReadOnlyList<AttemptReport> running, Func<long, bool> pushedLongAgo,
        Func<WantedAttempt, bool> hasSurelyNotBegun)
    {
        List<WantedAttempt> push = [], gone = [], free = [], update = [], unsure = [];
        List<AttemptReport> kill = [], unknown = [];
        var named = new HashSet<string>();
        foreach (var report in running)
        {
            if (!wanted.TryGetValue(report.TaskId, out var attempt))
            {
                unknown.Add(report);
                continue;
            }

            if (attempt.Attempt != report.Attempt)
            {
                kill.Add(report);
                continue;
            }

            named.Add(report.TaskId);
            if (attempt.Dropped) kill.Add(report);
            if (!attempt.Seen) update.Add(attempt with { Seen = true });
        }

        foreach (var attempt in wanted.Values.Where(attempt => !named.Contains(attempt.TaskId)))
        {
            if (attempt.Dropped)
            {
                if (attempt.Seen || pushedLongAgo(attempt.PushedAt)) free.Add(attempt);
            }
            else if (attempt.Seen) gone.Add(attempt);
            else if (pushedLongAgo(attempt.PushedAt)) (hasSurelyNotBegun(attempt) ? push : unsure).Add(attempt);
        }

        return new(push, kill, gone, free, unknown, update) { Unsure = unsure };
    }
}
