using System.Collections.ObjectModel;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// All that is decided about one node: its registration, its connections, its lease, what it holds and what is free on it. Nothing here waits, reads a clock or
/// calls anybody. A command is a row of steps: each is taken whole, with the moment it is taken at, and ends with what is to be done before the next
/// (<see cref="Effect"/>); what nobody waits for goes to <see cref="INodeEffects"/>. Between two steps of one command others may be taken.
/// The carrier keeps apart those that exclude each other: all but those that say that they do not.
/// </summary>
public sealed partial class NodeMachine
{
    private readonly string _id, _activation;
    private readonly NodePolicy _policy;
    private readonly INodeEffects _to;
    private readonly HeldAttempts _held = new();
    private readonly NodeLease _lease;
    private readonly FailureStreak _streak;
    private readonly SlowStart _slowStart;
    private Instant _now;
    private NodeRecord? _node;
    private object? _link;
    private bool _draining;
    private bool _leaving;
    private bool _ending; // its lease: the write that says so is under way
    private NodeUsage _usage = new(0, 0, 0);
    private IReadOnlyDictionary<string, string> _labels = ReadOnlyDictionary<string, string>.Empty;
    private DateTimeOffset? _lastHeartbeat;
    private TimeSpan? _touchedAt;
    private ReminderState _reminder = ReminderState.Unknown;
    private long _viewVersion;
    private bool _viewChanged, _publishing;

    /// <param name="id">Its name.</param>
    /// <param name="activation">Tells this activation's words from those of others of the same node.</param>
    /// <param name="policy">The pool's.</param>
    /// <param name="now">When it woke up.</param>
    /// <param name="to">What carries out its effects.</param>
    public NodeMachine(string id, string activation, NodePolicy policy, Instant now, INodeEffects to)
    {
        (_id, _activation, _policy, _now, _to) = (id, activation, policy, now, to);
        _lease = new NodeLease(policy.Lease, policy.LookEvery, now.Clock);
        _streak = new FailureStreak(policy.CordonAfterFailures, policy.CordonFor, policy.CordonForAtMost);
        _slowStart = new SlowStart(policy.SlowStart);
    }

    /// <summary>As it was last stored; null: there is no such node.</summary>
    public NodeRecord? Record => _node;
    public HeldAttempts Held => _held;

    private bool CanTakeWork => _node is { HoldsLease: true, NodeType: NodeTypes.Worker } && _link is not null && !_ending && MayWork && Withheld.Length == 0;

    /// <summary>It looks into attempts of before, which may hold room that nobody has counted.</summary>
    private bool IsSettling => _undecided.Count > 0 || TellsLosses;

    /// <summary>Takes the next step of a command. False: that was its last.</summary>
    public bool Step(IEnumerator<Effect> command, Instant now)
    {
        _now = now;
        return command.MoveNext();
    }

    /// <summary>Its record was read; null: there is none. A crash between connection and reminder must not leave a lease that nobody ends.</summary>
    public IEnumerable<Effect> Wake(NodeRecord? stored)
    {
        if (stored is null || stored.OwnerId.Length == 0 || stored.Removed)
        {
            _removed = stored is { Removed: true } ? stored : null;
            yield break;
        }
        _node = stored;
        (_ownerIsActive, _tokenUsedAt) = (!stored.Suspended, stored.TokenUsedAt);
        _slowStart.Earned = stored.EarnedShare;
        _lease.Return(_now.Clock); // reading took as long as it took, and nobody was heard meanwhile
        Offering(stored);
        Count();
        if (!stored.HoldsLease) yield break;
        foreach (var wait in EnsureReminder()) yield return wait;
    }

    public NodeSnapshot? Snapshot(Instant now)
    {
        _now = now;
        if (_node is not { } node)
        {
            _to.Leave();
            return null;
        }

        var free = _held.Free;
        return new()
        {
            NodeId = _id, OwnerId = node.OwnerId, OwnerName = node.OwnerName, NodeType = node.NodeType, Hostname = node.Hostname, Port = node.Port,
            Capabilities = node.Capabilities, Status = Status(free), LastHeartbeat = _lastHeartbeat, Usage = _usage, TaskCount = _held.Count,
            RegisteredAt = node.RegisteredAt, FreeCores = Math.Max(0, free.MilliCores) / 1000.0, FreeMemoryMb = Math.Max(0, free.MemoryMb),
            Connected = _link is not null, Epoch = node.Epoch, Cordoned = Cordoned, CordonedUntil = CordonedUntil, DrainDeadline = node.DrainDeadline,
            Suspended = node.Suspended, TokenCreatedAt = node.TokenHash.Length == 0 ? null : node.TokenCreatedAt ?? node.RegisteredAt, TokenUsedAt = _tokenUsedAt,
            SilentSince = node.HoldsLease ? null : node.SilentSince,
            OthersAtOnce = node.NodeType == NodeTypes.Worker ? _slowStart.Share(node.Capabilities) : null,
            TokenEndsAt = node.TokenHash.Length == 0 || _policy.TokenMaxAge == TimeSpan.Zero ? null : (node.TokenCreatedAt ?? node.RegisteredAt) + _policy.TokenMaxAge,
        };
    }

    private string Status(ResourceRequest free)
    {
        var touched = _touchedAt is { } at && _now.Since(at) < _policy.Lease;
        if (_leaving || !(_node!.HoldsLease || touched)) return "offline";
        return _node.NodeType == NodeTypes.Worker && (free.MilliCores <= 0 || free.MemoryMb <= 0) ? "busy" : "online";
    }

    private NodeView? View()
    {
        if (_node is not { HoldsLease: true } node) return null;
        return new(_id, node.OwnerId, node.Capabilities.AcceptsStrangers, node.Capabilities.SupportedTasks, _held.Total, _held.Free, CanTakeWork, ++_viewVersion)
        {
            Labels = _labels, Running = _held.Running, CpuPercent = _usage.CpuPercent, Cordoned = _link is null ? "" : WithheldBefore,
            Epoch = node.Epoch, Activation = _activation, IsSettling = IsSettling, OthersLeft = OthersLeft,
        };
    }

    /// <summary>Tells the scheduler what is free now; changes that come while one message is under way share the next.</summary>
    private void Publish()
    {
        Count();
        _viewChanged = true;
        if (_publishing) return;
        _publishing = true;
        _to.Begin(PublishChanges());
    }

    private IEnumerable<Effect> PublishChanges()
    {
        while (_viewChanged)
        {
            _viewChanged = false;
            yield return new TellScheduler(View());
        }
        _publishing = false;
    }

    private void Count()
    {
        if (_node is null) return;
        var cordoned = _node.Cordoned.Length > 0 ? NodeGauges.Asked : Cordoned.Length > 0 ? NodeGauges.Failing : "";
        _to.Count(new(Status(_held.Free), _held.Total, _held.Free, _held.Count, cordoned));
    }

    private IEnumerable<Effect> Save(NodeRecord next, SaveOf why)
    {
        next = next with { EarnedShare = _slowStart.Earned };
        yield return new SaveNode(next, why);
        _node = next;
    }

    private IEnumerable<Effect> EnsureReminder()
    {
        if (_reminder == ReminderState.Set) yield break;
        yield return new SetReminder(isOn: true);
        _reminder = ReminderState.Set;
    }

    private IEnumerable<Effect> DropReminder()
    {
        if (_reminder == ReminderState.None) yield break;
        yield return new SetReminder(isOn: false);
        _reminder = ReminderState.None;
    }

    /// <summary>What it offers has changed, or is known only now. Labels are put together here, not with every view.</summary>
    private void Offering(NodeRecord node)
    {
        _held.Resize(node.Capabilities);
        _labels = NodeLabels.Of(_id, node.OwnerName, node.Capabilities);
    }

    private RunningTask Running(PendingTask task) => new(task.TaskId, task.UserId, task.Priority, task.Resources, EndsBy(task.RunTimeout));

    /// <summary>When it was granted this activation does not know: it is over no later than if that were now.</summary>
    private RunningTask Running(TaskAssignment adopted) =>
        new(adopted.TaskId, adopted.Spec.UserId, adopted.Spec.Priority, adopted.Spec.Resources, EndsBy(adopted.RunTimeout));

    /// <summary>The run timeout counts from now on: it has just been granted, or its program has just begun.</summary>
    private void NoteEnd(HeldAttempt held) => _held.SetEnd(held, EndsBy(held.Assignment.RunTimeout));

    /// <summary>A record of old says no limit: as if the default had been asked for.</summary>
    private DateTimeOffset EndsBy(TimeSpan limit) => _now.Wall + (limit > TimeSpan.Zero ? limit : TimeSpan.FromHours(1));

    private enum ReminderState { Unknown, Set, None }
}
