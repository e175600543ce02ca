namespace HiveMind.Nodes;

/// <summary>Which machine a node is, and which start of its worker holds it.</summary>
public sealed partial class NodeGrain
{
    private const int MostWaiting = 16;

    private readonly Dictionary<string, long> _waiting = []; // starts that were told to wait, and since when

    /// <summary>A worker is connected and was heard lately enough not to be taken for dead.</summary>
    private bool IsHeard => _link is not null && _node is { HoldsLease: true } && Silent < WorkerAdmission.Silence(Limits.HeartbeatInterval);

    private TimeSpan Silent => time.GetElapsedTime(_lease.RenewedAt);

    private AdmissionVerdict Admit(WorkerStart? start)
    {
        var waiting = start is not null && _waiting.TryGetValue(start.Id, out var since) ? time.GetElapsedTime(since) : (TimeSpan?)null;
        var verdict = WorkerAdmission.Judge(_node!.Instance, start, _node.HoldsLease ? Silent : null, Limits.HeartbeatInterval, waiting);
        var heard = $"heard {Silent.TotalSeconds:0.0} s ago";
        switch (verdict)
        {
            case AdmissionVerdict.Held:
                if (waiting is null && start is not null)
                {
                    if (_waiting.Count == MostWaiting) _waiting.Clear();
                    _waiting[start.Id] = time.GetTimestamp();
                    LogHeldOff(Id);
                }

                throw HiveMindException.Unavailable("NODE_HELD",
                    $"another worker runs as node '{Id}', {heard}: this one is let in once that has been silent for {WorkerAdmission.Silence(Limits.HeartbeatInterval).TotalSeconds:0.#} s");
            case AdmissionVerdict.InUse:
                LogInUse(Id);
                throw HiveMindException.Precondition("NODE_IN_USE",
                    $"another worker runs as node '{Id}' with the same token, {heard}. A token is good for one machine: if this one is a copy of that (a cloned image, "
                    + "a copied token file), make it a node of its own with `hivemind node-token`.");
            default:
                _waiting.Clear();
                return verdict;
        }
    }

    /// <summary>One worker cut off another that lives: what that ran is gone by nobody's fault, and its tasks do not pay for it with an attempt.</summary>
    private void TakeOver(IReadOnlyList<AttemptReport> running)
    {
        var named = running.Select(report => report.TaskId).ToHashSet();
        foreach (var attempt in _wanted.Values.Where(attempt => attempt.Seen && !attempt.Dropped && !named.Contains(attempt.TaskId)).ToList())
            Abandon(attempt, HiveMind.Tasks.Causes.NodeTakenOver, false);
    }

    /// <summary>Machines of one host name, or copies of one image, do not take each other's node.</summary>
    private void LeaveToItsMachine(NodeRecord known, string machineId)
    {
        if (IsHeard)
            throw HiveMindException.Precondition("NODE_IN_USE", $"A worker is connected as node '{Id}': choose another name for this machine, or stop that one.");
        if (known.MachineId.Length > 0 && known.MachineId != machineId)
        {
            throw HiveMindException.Precondition("NODE_OF_ANOTHER_MACHINE",
                $"Node '{Id}' is another machine of yours: choose another name for this one, or remove that node first.");
        }
    }
}
