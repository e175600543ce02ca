using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// Attempts that are kept although the node's lease is over, for as long as their tasks asked for (ADR 42). They stay wanted: a worker that comes back and names them goes on with them; one that does
/// not has lost them, and says so with its first word.
/// </summary>
public sealed partial class NodeGrain
{
    private TimeSpan Silence => TaskLease.Silence(Silent, _node is { HoldsLease: false } node ? node.SilentSince : null, time.GetUtcNow());

    private bool IsOver(WantedAttempt attempt) => Silence >= LeaseOf(attempt.Assignment.Spec);

    private TimeSpan LeaseOf(TaskSpec spec) => TaskLease.OfHub(spec.Lease, Limits.HeartbeatTimeout, options.Value.Tasks.LeaseDuration);

    /// <summary>The node is silent, not removed, and that attempt's lease outlasts the silence.</summary>
    private bool IsKept(TaskAssignment assignment) =>
        _node is { HoldsLease: false, SilentSince: not null, TokenHash.Length: > 0 } && MayWork
        && TaskLease.Outlasts(assignment.Spec.Lease, Limits.HeartbeatTimeout) && Silence < LeaseOf(assignment.Spec);

    /// <summary>Its node is long lost; now they are too.</summary>
    private async Task EndKept()
    {
        var over = _node is null ? [] : _wanted.Values.Where(IsOver).ToList();
        if (over.Count == 0) return;
        LogKeptLost(Id, over.Count, Silence);
        if (LosesOthers(over)) _slowStart.Failed();
        foreach (var attempt in over) AbandonLost(attempt);
        await PayOwed();
    }
}
