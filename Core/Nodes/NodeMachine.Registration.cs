using HiveMind.Tasks;
using HiveMind.Users;

namespace HiveMind.Nodes;

/// <summary>Which machine it is, whose, and which start of its worker holds it.</summary>
public sealed partial class NodeMachine
{
    private const int MostWaiting = 16;

    private readonly Dictionary<string, TimeSpan> _waiting = []; // starts that were told to wait, and since when
    private NodeRecord? _removed; // kept for its owner: what it earned stands under its id

    /// <summary>A worker is connected and was heard lately enough not to be taken for dead.</summary>
    private bool IsHeard => _link is not null && _node is { HoldsLease: true } && Silent < WorkerAdmission.Silence(_policy.HeartbeatInterval);

    private TimeSpan Silent => _now.Since(_lease.RenewedAt);

    public IEnumerable<Effect> Register(NodeRegistration registration, byte[] tokenHash)
    {
        var before = _node ?? _removed;
        if (before is not null && before.OwnerId != registration.Caller.UserId)
            throw HiveMindException.Denied("NODE_OF_ANOTHER_OWNER", $"The node id '{_id}' belongs to another account; choose another id.");
        if (registration.MachineId.Length > 0 && _node is { } known) LeaveToItsMachine(known, registration.MachineId);
        var now = _now.Wall;
        if (_node is null)
        {
            yield return new ListNode(isThere: true);
            _slowStart.Earned = SlowStart.Nothing;
        }

        var older = _link;
        _link = null; // the stream that the older token opened is not this node's any more
        var next = (_node ?? new NodeRecord { RegisteredAt = now }) with
        {
            Epoch = (before?.Epoch ?? -1) + 1, TokenCreatedAt = now, TokenUsedAt = null,
            OwnerId = registration.Caller.UserId, OwnerName = registration.Caller.Username, NodeType = registration.NodeType,
            Hostname = registration.Hostname, Port = registration.Port, Capabilities = registration.Capabilities, TokenHash = tokenHash,
            LastChangeAt = now, MachineId = registration.MachineId, Instance = "",
        };
        foreach (var wait in Save(next, SaveOf.Registration)) yield return wait;
        _tokenUsedAt = null;
        if (older is not null) _to.Close(older, "TOKEN_ROTATED");
        Offering(_node!);
        _touchedAt = _now.Clock;
        _lastHeartbeat ??= now;
        _leaving = false;
        Publish();
    }

    public IEnumerable<Effect> Unregister(Caller caller)
    {
        OwnedBy(caller);
        foreach (var wait in End(Causes.NodeRemoved)) yield return wait;
        foreach (var wait in Forget()) yield return wait;
    }

    public IEnumerable<Effect> RevokeToken(Caller caller)
    {
        var node = OwnedBy(caller);
        foreach (var wait in Save(node with { TokenHash = [], TokenCreatedAt = null, TokenUsedAt = null, LastChangeAt = _now.Wall }, SaveOf.Token)) yield return wait;
        _tokenUsedAt = null;
        _to.Happened(new NodeEvent.TokenRevoked(caller.Username));
        if (!_node!.HoldsLease && _held.Count == 0) yield break;
        foreach (var wait in End(Causes.NodeRemoved)) yield return wait; // nor does it come back with what is kept for it
    }

    /// <summary>A worker opened a stream: a new epoch, in which nothing of an older one counts.</summary>
    public IEnumerable<Effect> Connect(
        object link, NodeCapabilities capabilities, IReadOnlyList<AttemptReport> running, WorkerStart? start, Reply<NodeWelcome> reply)
    {
        var node = _node ?? throw HiveMindException.NotFound("node", _id);
        if (node.NodeType != NodeTypes.Worker)
            throw HiveMindException.Precondition("NOT_A_WORKER", $"Node '{_id}' is registered as '{node.NodeType}'; only a worker opens this stream.");
        foreach (var wait in AskOwnerAnew()) yield return wait;
        foreach (var wait in FollowOwner()) yield return wait;
        if (!MayWork) throw HiveMindException.Unauthenticated();
        foreach (var wait in JudgeLease()) yield return wait;
        var cutsOff = Admit(start) == AdmissionVerdict.AdmittedUntold && IsHeard;
        var older = _link;
        _link = null; // nothing is pushed to the one that goes, nor under the new epoch before the new one is there
        var next = _node! with
        {
            Epoch = _node.Epoch + 1, HoldsLease = true, Capabilities = capabilities, LastChangeAt = _now.Wall, TokenUsedAt = _tokenUsedAt,
            Instance = start?.Id ?? "", SilentSince = null,
        };
        foreach (var wait in Save(next, SaveOf.Connection)) yield return wait;
        foreach (var wait in EnsureReminder()) yield return wait;
        if (older is not null) _to.Close(older, "STALE_EPOCH");
        _link = link;
        _draining = _leaving = false;
        Offering(_node);
        _to.Happened(new NodeEvent.Connected(_node.Epoch));
        if (cutsOff) TakeOver(running);
        Hear(running, _usage);
        reply.Value = new(_node.Epoch, _policy.HeartbeatInterval, _policy.WorkerLease);
    }

    /// <summary>The worker of that connection has left in order: whichever start comes next is let in at once.</summary>
    public IEnumerable<Effect> Leave(long epoch)
    {
        if (_node is not { Instance.Length: > 0 } node || node.Epoch != epoch) yield break;
        foreach (var wait in Save(node with { Instance = "" }, SaveOf.Leave)) yield return wait;
    }

    /// <summary>Excludes nothing.</summary>
    public void Disconnect(long epoch, Instant now)
    {
        _now = now;
        if (_node?.Epoch != epoch) return;
        _link = null;
        Publish();
    }

    /// <summary>Its worker leaves. Excludes nothing.</summary>
    public void Drain(long epoch, Instant now)
    {
        _now = now;
        if (_node?.Epoch == epoch) _draining = true;
        Publish();
    }

    /// <summary>A heartbeat without a stream. Excludes nothing.</summary>
    public void TouchUnary(Caller? caller, string? status, NodeUsage usage, Instant now)
    {
        _now = now;
        if (_node is not { } node || (caller is not null && caller.UserId != node.OwnerId && !caller.IsAdmin)) throw Unknown();
        _touchedAt = now.Clock;
        _lastHeartbeat = now.Wall;
        _usage = usage;
        _leaving = status == "offline";
    }

    private AdmissionVerdict Admit(WorkerStart? start)
    {
        var waiting = start is not null && _waiting.TryGetValue(start.Id, out var since) ? _now.Since(since) : (TimeSpan?)null;
        var verdict = WorkerAdmission.Judge(_node!.Instance, start, _node.HoldsLease ? Silent : null, _policy.HeartbeatInterval, waiting);
        var heard = $"heard {Silent.TotalSeconds:0.0} s ago";
        switch (verdict)
        {
            case AdmissionVerdict.Held:
                if (waiting is null && start is not null)
                {
                    if (_waiting.Count == MostWaiting) _waiting.Clear();
                    _waiting[start.Id] = _now.Clock;
                    _to.Happened(new NodeEvent.HeldOff());
                }

                throw HiveMindException.Unavailable("NODE_HELD",
                    $"another worker runs as node '{_id}', {heard}: this one is let in once that has been silent for {WorkerAdmission.Silence(_policy.HeartbeatInterval).TotalSeconds:0.#} s");
            case AdmissionVerdict.InUse:
                _to.Happened(new NodeEvent.InUse());
                throw HiveMindException.Precondition("NODE_IN_USE",
                    $"another worker runs as node '{_id}' with the same token, {heard}. A token is good for one machine: if this one is a copy of that (a cloned image, "
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
        foreach (var held in _held.Attempts.Where(held => held.IsNamed && !named.Contains(held.TaskId)).ToList()) Abandon(held, Causes.NodeTakenOver, false);
    }

    /// <summary>Machines of one host name, or copies of one image, do not take each other's node.</summary>
    private void LeaveToItsMachine(NodeRecord known, string machineId)
    {
        if (IsHeard)
            throw HiveMindException.Precondition("NODE_IN_USE", $"A worker is connected as node '{_id}': choose another name for this machine, or stop that one.");
        if (known.MachineId.Length > 0 && known.MachineId != machineId)
        {
            throw HiveMindException.Precondition("NODE_OF_ANOTHER_MACHINE",
                $"Node '{_id}' is another machine of yours: choose another name for this one, or remove that node first.");
        }
    }

    /// <summary>What it has earned is public under its id, and must not become another's: the id stays with its owner. One without a past leaves nothing.</summary>
    private IEnumerable<Effect> Forget()
    {
        foreach (var wait in DropReminder()) yield return wait;
        var past = new AskPast();
        yield return past;
        _removed = past.HasPast ? new NodeRecord { OwnerId = _node!.OwnerId, OwnerName = _node.OwnerName, Epoch = _node.Epoch, Removed = true } : null;
        yield return new ForgetNode(_removed);
        _node = null;
        yield return new ListNode(isThere: false);
        _to.Happened(new NodeEvent.Forgotten());
        _to.Leave();
    }

    private NodeRecord OwnedBy(Caller caller) => _node is { } node && (node.OwnerId == caller.UserId || caller.IsAdmin) ? node : throw Unknown();

    /// <summary>Ids that nobody registered must not fill memory.</summary>
    private HiveMindException Unknown()
    {
        if (_node is null) _to.Leave();
        return HiveMindException.NotFound("node", _id);
    }
}
