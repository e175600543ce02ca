using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>An attempt this node should hold.</summary>
public sealed record WantedAttempt(TaskAssignment Assignment, long PushedAt)
{
    public string TaskId => Assignment.TaskId;
    public int Attempt => Assignment.Attempt;
    /// <summary>The worker has named it once: when it is missing later, it is gone.</summary>
    public bool Seen { get; init; }
    /// <summary>Ended for the pool, or about to; its room is free when the worker names it no more.</summary>
    public bool Dropped { get; init; }
    /// <summary>Dropped, and its task is told so with this cause once the worker names it no more: no second run may begin before.</summary>
    public string TakenBackAs { get; init; } = "";
    public long TakenBackAt { get; init; }
}

/// <summary>What a heartbeat asks for, by level and not by edge: lost pushes, lost cancels and reconnects are one case.</summary>
public sealed record Reconciliation(
    IReadOnlyList<WantedAttempt> Push, IReadOnlyList<AttemptReport> Kill, IReadOnlyList<WantedAttempt> Gone, IReadOnlyList<WantedAttempt> Free,
    IReadOnlyList<AttemptReport> Unknown, IReadOnlyList<WantedAttempt> Update);

/// <summary>
/// Compares the attempts a node should hold with those its worker names. Wanted and never seen: pushed again. Wanted, seen and now
/// missing: gone with its run. Dropped and named: killed again. Dropped and missing: its room is free. Not wanted: unknown, to be
/// looked up (a fresh activation does not know yet what its worker holds).
/// </summary>
public static class WantedSet
{
    public static Reconciliation Reconcile(
        IReadOnlyDictionary<string, WantedAttempt> wanted, IReadOnlyList<AttemptReport> running, Func<long, bool> pushedLongAgo)
    {
        List<WantedAttempt> push = [], gone = [], free = [], update = [];
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
            else if (pushedLongAgo(attempt.PushedAt)) push.Add(attempt);
        }

        return new(push, kill, gone, free, unknown, update);
    }
}
