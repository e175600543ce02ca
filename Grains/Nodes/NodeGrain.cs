using HiveMind.Faults;
using HiveMind.Persistence;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using HiveMind.Users;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Placement;
using Orleans.Runtime;
using System.Collections.ObjectModel;
using System.Diagnostics;
using System.Security.Cryptography;

namespace HiveMind.Nodes;

/// <summary>
/// Owns one machine's registration, its connection epoch, its lease and, in memory, its capacity and the attempts its worker should
/// hold. Its own durable writes happen on register, connect, cordon, loss and unregister, in methods that exclude each other; everything else
/// interleaves and touches memory only, each step whole before its first await. A heartbeat is answered from memory; what it asks of
/// other grains and the index is done after it, in <see cref="Tend"/>, one pass at a time.
/// </summary>
[GrainType("node"), PreferLocalPlacement]
public sealed partial class NodeGrain(
    [PersistentState("node", FloorNames.Storage)] IPersistentState<NodeRecord> state, INodeIndex nodes, IUnfinishedIndex unfinished, IBooks books,
    IOptions<HubOptions> options, TimeProvider time, ILogger<NodeGrain> log) : Grain, INodeGrain, IRemindable
{
    private const string LivenessReminder = "liveness";
    private static readonly TimeSpan ReminderPeriod = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan VerdictPeriod = TimeSpan.FromSeconds(1);

    private readonly NodeReservations _room = new();
    private readonly Dictionary<string, WantedAttempt> _wanted = [];
    private readonly HashSet<(string TaskId, int Attempt)> _started = []; // and their tasks know it
    private readonly List<LostAttempt> _owed = []; // their TaskGrain is not yet told
    private int _telling; // passes that tell them, under way
    private bool _hasNewLosses; // that no pass has begun to tell
    private readonly NodeLease _lease = new(time, options.Value.Tasks.LeaseDuration, options.Value.Nodes.LivenessTimer ? VerdictPeriod : ReminderPeriod);
    private readonly MeteredNode _figures = new();
    private NodeRecord? _node;
    private IWorkerLink? _link;
    private bool _draining;
    private NodeUsage _usage = new(0, 0, 0);
    private IReadOnlyDictionary<string, string> _labels = ReadOnlyDictionary<string, string>.Empty;
    private DateTimeOffset? _lastHeartbeat;
    private long? _touchedAt;
    private bool _leaving;
    private bool _ending; // its lease: the write that says so is under way
    private long _viewVersion;
    private bool _viewChanged;
    private Task _publishing = Task.CompletedTask;
    private IGrainTimer? _timer;
    private ReminderState _reminder = ReminderState.Unknown;

    private string Id => this.GetPrimaryKeyString();
    private bool CanTakeWork => _node is { HoldsLease: true, NodeType: NodeTypes.Worker } && _link is not null && !_ending && MayWork && Withheld.Length == 0;

    /// <summary>It looks into attempts of before, which may hold room that nobody has counted.</summary>
    private bool IsSettling => _undecided.Count > 0 || TellsLosses;

    /// <summary>
    /// The room of lost attempts is given away when their records were told that they are over: so no record shows the node oversubscribed. One that
    /// could not be told is told again, but holds up nothing any more.
    /// </summary>
    private bool TellsLosses => _telling > 0 || _hasNewLosses;
    private NodeOptions Limits => options.Value.Nodes;
    private ISchedulerGrain Scheduler => GrainFactory.GetGrain<ISchedulerGrain>(Shards.Default);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (!state.RecordExists || state.State.OwnerId.Length == 0 || state.State.Removed) return;
        _node = state.State;
        (_ownerIsActive, _tokenUsedAt) = (!_node.Suspended, _node.TokenUsedAt);
        _slowStart.Earned = _node.EarnedShare;
        _lease.Return(); // reading took as long as it took, and nobody was heard meanwhile
        Offering(_node);
        StartTimer();
        SayFigures();
        if (_node.HoldsLease) await EnsureReminder(); // a crash between connect and reminder must not leave a lease that nobody ends
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        NodeInstruments.Left(_figures);
        return Task.CompletedTask;
    }

    // ------------------------------------------------------------ commands

    public async Task<NodeRegistered> Register(NodeRegistration registration)
    {
        // One that was removed is kept for its owner: what it earned stands under its id.
        var before = _node ?? (state.RecordExists && state.State.Removed ? state.State : null);
        if (before is not null && before.OwnerId != registration.Caller.UserId)
            throw HiveMindException.Denied("NODE_OF_ANOTHER_OWNER", $"The node id '{Id}' belongs to another account; choose another id.");
        if (registration.MachineId.Length > 0 && _node is { } known) LeaveToItsMachine(known, registration.MachineId);
        var token = SessionToken.NewNode(Id);
        var now = time.GetUtcNow();
        if (_node is null)
        {
            await nodes.Add(Id);
            _slowStart.Earned = SlowStart.Nothing;
        }

        Failpoint.Hit(Failpoints.NodeAfterIndex);
        var older = _link;
        _link = null; // the stream that the older token opened is not this node's any more
        await Save((_node ?? new NodeRecord { RegisteredAt = now }) with
        {
            Epoch = (before?.Epoch ?? -1) + 1, TokenCreatedAt = now, TokenUsedAt = null,
            OwnerId = registration.Caller.UserId, OwnerName = registration.Caller.Username, NodeType = registration.NodeType,
            Hostname = registration.Hostname, Port = registration.Port, Capabilities = registration.Capabilities, TokenHash = token.SecretHash,
            LastChangeAt = now, MachineId = registration.MachineId, Instance = "",
        });
        Failpoint.Hit(Failpoints.NodeAfterCommit);
        _tokenUsedAt = null;
        if (older is not null) await TellWorker(older, worker => worker.Close("TOKEN_ROTATED"));
        StartTimer();
        Offering(_node!);
        _touchedAt = time.GetTimestamp();
        _lastHeartbeat ??= now;
        _leaving = false;
        Publish();
        return new(Id, token.Format(books.TokenTagKey));
    }

    public async Task Unregister(Caller caller)
    {
        OwnedBy(caller);
        await End(Causes.NodeRemoved);
        await Forget();
    }

    public async Task<NodeSnapshot> RevokeToken(Caller caller)
    {
        var node = OwnedBy(caller);
        await Save(node with { TokenHash = [], TokenCreatedAt = null, TokenUsedAt = null, LastChangeAt = time.GetUtcNow() });
        _tokenUsedAt = null;
        LogTokenRevoked(Id, caller.Username);
        if (_node!.HoldsLease || _wanted.Count > 0) await End(Causes.NodeRemoved); // nor does it come back with what is kept for it
        return (await GetSnapshot())!;
    }

    public async Task<NodeWelcome> Connect(IWorkerLink link, NodeCapabilities capabilities, IReadOnlyList<AttemptReport> running, WorkerStart? start = null)
    {
        var node = _node ?? throw HiveMindException.NotFound("node", Id);
        if (node.NodeType != NodeTypes.Worker)
            throw HiveMindException.Precondition("NOT_A_WORKER", $"Node '{Id}' is registered as '{node.NodeType}'; only a worker opens this stream.");
        await AskOwnerAnew();
        await FollowOwner();
        if (!MayWork) throw HiveMindException.Unauthenticated();
        await JudgeLease();
        var cutsOff = Admit(start) == AdmissionVerdict.AdmittedUntold && IsHeard;
        var older = _link;
        _link = null; // nothing is pushed to the one that goes, nor under the new epoch before the new one is there
        await Save(_node! with
        {
            Epoch = _node.Epoch + 1, HoldsLease = true, Capabilities = capabilities, LastChangeAt = time.GetUtcNow(), TokenUsedAt = _tokenUsedAt,
            Instance = start?.Id ?? "", SilentSince = null,
        });
        await EnsureReminder();
        if (older is not null) await TellWorker(older, worker => worker.Close("STALE_EPOCH"));
        _link = link;
        _draining = _leaving = false;
        Offering(_node);
        LogConnected(Id, _node.Epoch);
        NodeInstruments.Connected();
        if (cutsOff) TakeOver(running);
        Hear(running, _usage);
        return new(_node.Epoch, Limits.HeartbeatInterval, Limits.HeartbeatTimeout);
    }

    public async Task Leave(long epoch)
    {
        if (_node is { Instance.Length: > 0 } node && node.Epoch == epoch) await Save(node with { Instance = "" });
    }

    public async Task<bool> Claim(AttemptClaim claim)
    {
        await JudgeLease();
        if (_node is not { HoldsLease: true } && !IsKept(claim.Assignment)) return false;
        if (_node is { HoldsLease: false }) await EnsureReminder();
        if (_wanted.TryGetValue(claim.TaskId, out var held)) return held.Attempt == claim.Attempt;
        if (!_room.Holds(claim.TaskId)) Adopt(claim.Assignment, false); // else it is being granted just now
        return true;
    }

    // ------------------------------------------------------------ memory only, interleaving

    public Task Heartbeat(long epoch, IWorkerLink link, IReadOnlyList<AttemptReport> running, NodeUsage usage)
    {
        if (_node is not { HoldsLease: true } node || node.Epoch != epoch || _ending)
            throw HiveMindException.Aborted("STALE_EPOCH", "Another connection of this node, or the end of its lease, made this one stale.");
        _link = link;
        Hear(running, usage);
        return Task.CompletedTask;
    }

    public Task Disconnect(long epoch)
    {
        if (_node?.Epoch != epoch) return Task.CompletedTask;
        _link = null;
        Publish();
        return Task.CompletedTask;
    }

    public Task Drain(long epoch)
    {
        if (_node?.Epoch == epoch) _draining = true;
        Publish();
        return Task.CompletedTask;
    }

    public Task TouchUnary(Caller? caller, string? status, NodeUsage usage)
    {
        if (_node is not { } node || (caller is not null && caller.UserId != node.OwnerId && !caller.IsAdmin)) throw Unknown();
        _touchedAt = time.GetTimestamp();
        _lastHeartbeat = time.GetUtcNow();
        _usage = usage;
        _leaving = status == "offline";
        return Task.CompletedTask;
    }

    public async Task<OfferResult> Offer(IReadOnlyList<TaskOffer> offers)
    {
        var answers = new List<OfferAnswer>(offers.Count);
        var reserved = new List<PendingTask>(offers.Count);
        foreach (var offer in offers)
        {
            if (CanTakeWork && !IsSettling && MayTake(offer.Task.UserId) && _room.TryReserve(Running(offer.Task))) reserved.Add(offer.Task);
            else answers.Add(new(offer.Task.TaskId, OfferAnswerKind.NoRoom));
        }

        if (reserved.Count == 0) return new(answers, View());
        Failpoint.Hit(Failpoints.AssignAfterReservation);
        var epoch = _node!.Epoch;
        _unsure.ExceptWith(reserved.Select(task => task.TaskId));
        var granted = new List<WantedAttempt>(reserved.Count);
        try
        {
            await unfinished.Mark([.. reserved.Select(task => task.TaskId)], Id);
            Failpoint.Hit(Failpoints.AssignAfterMark);
            foreach (var (task, result) in await Task.WhenAll(reserved.Select(task => AskForGrant(task, epoch))))
            {
                if (result?.Assignment is { } assignment) granted.Add(Granted(assignment, epoch));
                else _room.Release(task.TaskId);
                answers.Add(new(task.TaskId, result switch
                {
                    null or { Refusal: GrantResult.AccountInactive } => OfferAnswerKind.TryAgain, // the closing account's next pass, or its return, decides
                    { Assignment: not null } => OfferAnswerKind.Granted,
                    { Refusal: GrantResult.NoCredit } => OfferAnswerKind.NoCredit,
                    _ => OfferAnswerKind.NotPending,
                }));
            }
        }
        catch (Exception error)
        {
            LogOfferFailed(error, Id);
            foreach (var task in reserved) _room.Release(task.TaskId);
            return new([.. offers.Select(offer => new OfferAnswer(offer.Task.TaskId, OfferAnswerKind.TryAgain))], View());
        }

        Failpoint.Hit(Failpoints.AssignAfterGrant);
        foreach (var attempt in granted)
        {
            // Whoever cordoned it meanwhile was told that nothing new comes. Never handed over: it costs the task nothing.
            if (_node is not { HoldsLease: true } node || node.Epoch != epoch || _ending || Withheld.Length > 0) Abandon(attempt, Causes.NodeLost, false);
            else
            {
                _wanted[attempt.TaskId] = attempt;
                NoteEnd(attempt);
            }
        }

        if (_owed.Count > 0) await PayOwed();
        var taken = granted.Where(attempt => _wanted.TryGetValue(attempt.TaskId, out var held) && held.Attempt == attempt.Attempt && !held.Dropped).ToList();
        if (_link is { } link && taken.Count > 0) await TellWorker(link, worker => worker.Assign([.. taken.Select(attempt => attempt.Assignment)]));
        return new(answers, View());
    }

    public async Task<IReadOnlyList<ReportVerdict>> Report(long epoch, IReadOnlyList<TaskOutcomeReport> reports)
    {
        if (_node is null || (epoch != 0 && epoch != _node.Epoch))
            return [.. reports.Select(r => new ReportVerdict(r.TaskId, r.Attempt, ReportVerdictKind.Stale, "STALE_EPOCH", "This connection is stale."))];
        await AskOwner();
        if (!MayWork)
            return [.. reports.Select(r => new ReportVerdict(r.TaskId, r.Attempt, ReportVerdictKind.Stale, Causes.NodeSuspended, "This node is shut out of the pool."))];
        var verdicts = await Task.WhenAll(reports.Select(ReportOne));
        Publish();
        return verdicts;
    }

    public async Task<TaskSpec> CheckAttempt(string taskId, int attempt)
    {
        if (!MayWork) throw HiveMindException.Unauthenticated();
        // A fresh activation has not heard the worker's heartbeat yet: the task's record knows what the wanted set does not.
        if (!_wanted.ContainsKey(taskId)) await LookUp([new AttemptReport(taskId, attempt, false)]);
        if (_wanted.TryGetValue(taskId, out var held) && held.Attempt == attempt && !held.Dropped) return held.Assignment.Spec;
        throw HiveMindException.Aborted("STALE_ATTEMPT", $"Attempt {attempt} of task {taskId} is not this node's now.");
    }

    public async Task Drop(string taskId, int attempt, string reason)
    {
        if (!_wanted.TryGetValue(taskId, out var held) || held.Attempt != attempt) return;
        _wanted[taskId] = held with { Dropped = true };
        if (_link is { } link) await TellWorker(link, worker => worker.Kill(taskId, attempt, reason));
    }

    // ------------------------------------------------------------ queries

    public async Task<NodeIdentity> CheckToken(byte[] secretHash)
    {
        if (_node is null) DeactivateOnIdle(); // ids of nodes that are gone must not fill memory
        if (!IsToken(secretHash)) throw HiveMindException.Unauthenticated();
        await AskOwner();
        if (!_ownerIsActive || !IsToken(secretHash)) throw HiveMindException.Unauthenticated();
        _tokenUsedAt = time.GetUtcNow();
        return new(Id, _node!.OwnerId);
    }

    private bool IsToken(byte[] secretHash) => _node is { } node && CryptographicOperations.FixedTimeEquals(node.TokenHash, secretHash) && !HasExpired(node);

    public Task<NodeSnapshot?> GetSnapshot()
    {
        if (_node is not { } node)
        {
            DeactivateOnIdle();
            return Task.FromResult<NodeSnapshot?>(null);
        }

        var free = _room.Free;
        return Task.FromResult<NodeSnapshot?>(new()
        {
            NodeId = Id, OwnerId = node.OwnerId, OwnerName = node.OwnerName, NodeType = node.NodeType, Hostname = node.Hostname, Port = node.Port,
            Capabilities = node.Capabilities, Status = Status(free), LastHeartbeat = _lastHeartbeat, Usage = _usage, TaskCount = _wanted.Count,
            RegisteredAt = node.RegisteredAt, FreeCores = Math.Max(0, free.MilliCores) / 1000.0, FreeMemoryMb = Math.Max(0, free.MemoryMb),
            Connected = _link is not null, Epoch = node.Epoch, Cordoned = Cordoned, CordonedUntil = CordonedUntil, DrainDeadline = node.DrainDeadline,
            Suspended = node.Suspended, TokenCreatedAt = node.TokenHash.Length == 0 ? null : node.TokenCreatedAt ?? node.RegisteredAt, TokenUsedAt = _tokenUsedAt,
            SilentSince = node.HoldsLease ? null : node.SilentSince,
            OthersAtOnce = node.NodeType == NodeTypes.Worker ? _slowStart.Share(node.Capabilities) : null,
            TokenEndsAt = node.TokenHash.Length == 0 || Limits.TokenMaxAge == TimeSpan.Zero ? null : (node.TokenCreatedAt ?? node.RegisteredAt) + Limits.TokenMaxAge,
        });
    }

    // ------------------------------------------------------------ timer and reminder

    public Task ReceiveReminder(string reminderName, TickStatus status) => Tick(CancellationToken.None);

    private async Task Tick(CancellationToken cancel)
    {
        if (_node is null) return;
        try
        {
            await JudgeLease();
            if (_node.HoldsLease) _ = AskOwner(); // nor for this: the next look acts on it
            await FollowOwner();
            if (HasToTend) _ = Tend(); // not waited for: the next look must not be late
            if (_node.EarnedShare != _slowStart.Earned) await Save(_node);
            if (_putAside && !_streak.IsCordoned(time.GetUtcNow())) TryAgain();
            SayFigures();
            await TakeBackAtDeadline();
            await TakeBackOverdue();
            GiveUpWaiting();
            if (_owed.Count > 0) await PayOwed();
            if (!_node.HoldsLease && _owed.Count + _wanted.Count == 0) await DropReminder();
            var quietSince = _lastHeartbeat > _node.LastChangeAt ? _lastHeartbeat.Value : _node.LastChangeAt;
            // One that somebody put aside is expected back: it is kept until it is uncordoned or removed.
            if (_node is { HoldsLease: false, Cordoned: "" } && _link is null && _wanted.Count == 0 && time.GetUtcNow() - quietSince >= Limits.ForgetAfter) await Forget();
        }
        catch (HiveMindException error)
        {
            LogTickFailed(error, Id); // the next tick or reminder tries again
        }
    }

    // ------------------------------------------------------------ helpers

    private Task JudgeLease()
    {
        if (_lease.Look() && _node is { HoldsLease: true }) LogHubWasAway(Id);
        if (_node is not { HoldsLease: true }) return EndKept();
        return _lease.IsExpired ? End(Causes.NodeLost) : Task.CompletedTask;
    }

    /// <summary>The verdict: the epoch moves on, and with it everything that the node held.</summary>
    private async Task End(string cause)
    {
        if (cause == Causes.NodeLost && LosesOthers([.. _wanted.Values.Where(IsOver)])) _slowStart.Failed();
        var silentSince = cause == Causes.NodeLost ? time.GetUtcNow() - Silent : (DateTimeOffset?)null;
        _ending = true; // a heartbeat that comes in while this is written must not renew what is being ended
        await Save(_node! with { Epoch = _node.Epoch + 1, HoldsLease = false, LastChangeAt = time.GetUtcNow(), Suspended = _node.Suspended || cause == Causes.NodeSuspended, SilentSince = silentSince });
        Failpoint.Hit(Failpoints.LostAfterEpoch);
        var link = _link;
        (_link, _ending) = (null, false);
        // A run whose task has a longer lease may go on where nothing is heard of it: it stays this node's.
        var ended = _wanted.Values.Where(attempt => cause != Causes.NodeLost || IsOver(attempt)).ToList();
        LogLost(Id, _node.Epoch, ended.Count, cause);
        NodeInstruments.Lost(cause, _draining);
        foreach (var attempt in ended)
        {
            if (cause == Causes.NodeLost) AbandonLost(attempt);
            else Abandon(attempt, cause, false);
        }

        _undecided.Clear();
        Publish();
        if (link is not null) await TellWorker(link, worker => worker.Close(cause));
        await PayOwed();
    }

    private void Abandon(WantedAttempt attempt, string cause, bool counts)
    {
        Release(attempt.TaskId);
        var owed = _owed.Count;
        if (attempt.TakenBackAs.Length > 0) _owed.Add(new(attempt.TaskId, attempt.Attempt, attempt.TakenBackAs, false));
        else if (!attempt.Dropped) _owed.Add(new(attempt.TaskId, attempt.Attempt, cause, counts));
        _hasNewLosses |= _owed.Count > owed;
    }

    /// <summary>Its run is gone: by its machine's doing, or because nobody answered its worker.</summary>
    private void AbandonLost(WantedAttempt attempt)
    {
        if (_lease.BlamesNode(attempt.GrantedAt)) Abandon(attempt, Causes.NodeLost, true);
        else Abandon(attempt, Causes.HubAway, false);
    }

    /// <summary>Tells each TaskGrain that its attempt is lost; what fails stays owed and is told again.</summary>
    private async Task PayOwed()
    {
        var due = _owed.ToList();
        _owed.Clear();
        _hasNewLosses = false;
        _telling++;
        await Task.WhenAll(due.Select(async attempt =>
        {
            try
            {
                var task = GrainFactory.GetGrain<ITaskGrain>(attempt.TaskId);
                if (attempt.Cause != Causes.RunTimeout) await task.AttemptLost(Id, attempt.Attempt, attempt.Cause, attempt.Counts);
                else if (!await task.Overdue(Id, attempt.Attempt, measured: true)) _owed.Add(attempt);
            }
            catch (Exception error)
            {
                if (!HiveMindException.IsUnreadable(error)) LogTaskNotTold(error, Id, attempt.TaskId); // that its store has named, once
                _owed.Add(attempt);
            }
        }));
        if (--_telling == 0) Publish();
    }

    private async Task<ReportVerdict> ReportOne(TaskOutcomeReport report)
    {
        try
        {
            var task = GrainFactory.GetGrain<ITaskGrain>(report.TaskId);
            if (report.IsStart)
            {
                if (_wanted.TryGetValue(report.TaskId, out var held) && held.Attempt == report.Attempt)
                {
                    _wanted[report.TaskId] = held with { Seen = true };
                    if (!_started.Contains((report.TaskId, report.Attempt))) NoteEnd(held);
                }

                var current = await task.Started(Id, report.Attempt);
                NoteTold(report.TaskId, report.Attempt, current);
                return new(report.TaskId, report.Attempt, current ? ReportVerdictKind.Accepted : ReportVerdictKind.Stale, current ? "" : "STALE_ATTEMPT", "");
            }

            var verdict = await task.End(Id, report with { HandedBack = _draining || _usage.DiskFull });
            if (verdict.Kind == ReportVerdictKind.TryAgain || !_wanted.TryGetValue(report.TaskId, out var ended) || ended.Attempt != report.Attempt) return verdict;
            Release(report.TaskId);
            if (verdict.Kind == ReportVerdictKind.Accepted) NoteOutcome(ended.Assignment.Spec.UserId, report.Cause);
            return verdict;
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogReportFailed(error, Id, report.TaskId, report.Attempt);
            return new(report.TaskId, report.Attempt, ReportVerdictKind.TryAgain, "TRY_AGAIN", "The hub could not record it now.");
        }
    }

    /// <summary>What it offers has changed, or is known only now. Labels are put together here, not with every view.</summary>
    private void Offering(NodeRecord node)
    {
        _room.Resize(node.Capabilities);
        _labels = NodeLabels.Of(Id, node.OwnerName, node.Capabilities);
    }

    private RunningTask Running(PendingTask task) =>
        new(task.TaskId, task.UserId, task.Priority, task.Resources, EndsBy(task.RunTimeout));

    /// <summary>When it was granted this activation does not know: it is over no later than if that were now.</summary>
    private RunningTask Running(TaskAssignment adopted) =>
        new(adopted.TaskId, adopted.Spec.UserId, adopted.Spec.Priority, adopted.Spec.Resources, EndsBy(adopted.RunTimeout));

    /// <summary>The run timeout counts from now on: it has just been granted, or its program has just begun.</summary>
    private void NoteEnd(WantedAttempt attempt) => _room.SetEnd(attempt.TaskId, EndsBy(attempt.Assignment.RunTimeout));

    /// <summary>A record of old says no limit: as if the default had been asked for.</summary>
    private DateTimeOffset EndsBy(TimeSpan limit) => time.GetUtcNow() + (limit > TimeSpan.Zero ? limit : TimeSpan.FromHours(1));

    private WantedAttempt Granted(TaskAssignment assignment, long epoch) => new(assignment, time.GetTimestamp())
    {
        GrantedAt = time.GetTimestamp(), Epoch = epoch, HeardBefore = _lease.RenewedAt, CheckedAt = time.GetTimestamp(),
    };

    private void Release(string taskId)
    {
        if (_wanted.Remove(taskId, out var attempt)) _started.Remove((taskId, attempt.Attempt));
        _room.Release(taskId);
    }

    private async Task<(PendingTask Task, GrantResult? Result)> AskForGrant(PendingTask task, long epoch)
    {
        try
        {
            return (task, await GrainFactory.GetGrain<ITaskGrain>(task.TaskId).Grant(Id, _node!.OwnerId, epoch));
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            // Nothing was granted, and in a second it is no other: it leaves the queue, and the sweeper asks it with every sweep.
            return (task, new GrantResult(null, "RECORD_UNREADABLE"));
        }
        catch (Exception error)
        {
            _unsure.Add(task.TaskId);
            LogGrantFailed(error, Id, task.TaskId); // it may have been granted: the mark in the index lets the sweeper find out
            return (task, null);
        }
    }

    private async Task TellWorker(IWorkerLink link, Func<IWorkerLink, Task> push)
    {
        try
        {
            await push(link);
        }
        catch (Exception error)
        {
            LogPushFailed(error, Id); // a push is a hint: the next heartbeat heals it
        }
    }

    private string Status(ResourceRequest free)
    {
        var touched = _touchedAt is { } at && time.GetElapsedTime(at) < options.Value.Tasks.LeaseDuration;
        if (_leaving || !(_node!.HoldsLease || touched)) return "offline";
        return _node.NodeType == NodeTypes.Worker && (free.MilliCores <= 0 || free.MemoryMb <= 0) ? "busy" : "online";
    }

    private NodeView? View()
    {
        if (_node is not { HoldsLease: true } node) return null;
        return new(Id, node.OwnerId, node.Capabilities.AcceptsStrangers, node.Capabilities.SupportedTasks, _room.Total, _room.Free, CanTakeWork, ++_viewVersion)
        {
            Labels = _labels, Running = _room.Running, CpuPercent = _usage.CpuPercent, Cordoned = _link is null ? "" : WithheldBefore,
            Epoch = node.Epoch, Activation = GrainContext.ActivationId.ToString(), IsSettling = IsSettling, OthersLeft = OthersLeft,
        };
    }

    /// <summary>Tells the scheduler what is free now; changes that come while one message is under way share the next.</summary>
    private void Publish()
    {
        SayFigures();
        _viewChanged = true;
        if (_publishing.IsCompleted) _publishing = PublishChanges();
    }

    private void SayFigures()
    {
        if (_node is null) return;
        NodeInstruments.Known(_figures);
        var cordoned = _node.Cordoned.Length > 0 ? MeteredNode.Asked : Cordoned.Length > 0 ? MeteredNode.Failing : "";
        _figures.Say(Status(_room.Free), _room.Total, _room.Free, _wanted.Count, cordoned);
    }

    private async Task PublishChanges()
    {
        Activity.Current = null; // it goes on for as long as there is news: that is no part of one task's trace
        while (_viewChanged)
        {
            _viewChanged = false;
            try
            {
                await Scheduler.NodeChanged(Id, View());
            }
            catch (Exception error)
            {
                LogSchedulerNotTold(error, Id); // every heartbeat tells again
            }
        }
    }

    private async Task Forget()
    {
        await DropReminder();
        // What it has earned is public under its id, and must not become another's: the id stays with its owner. One without a past leaves nothing.
        if (await HasAPast()) await state.Commit(new NodeRecord { OwnerId = _node!.OwnerId, OwnerName = _node.OwnerName, Epoch = _node.Epoch, Removed = true }, this);
        else await state.Erase(this);
        _node = null;
        NodeInstruments.Left(_figures);
        await nodes.Remove(Id);
        LogForgotten(Id);
        DeactivateOnIdle();
    }

    private async Task<bool> HasAPast()
    {
        try
        {
            var totals = await books.NodeTotals(Id, CancellationToken.None);
            return totals.Completed + totals.Failed > 0 || totals.EarnedMicros != 0;
        }
        catch (Exception)
        {
            return true; // not known is not nothing
        }
    }

    private void StartTimer()
    {
        if (Limits.LivenessTimer) _timer ??= this.RegisterGrainTimer(Tick, new GrainTimerCreationOptions(VerdictPeriod, VerdictPeriod));
    }

    private async Task EnsureReminder()
    {
        if (_reminder == ReminderState.Set) return;
        await this.RegisterOrUpdateReminder(LivenessReminder, ReminderPeriod, ReminderPeriod);
        _reminder = ReminderState.Set;
    }

    private async Task DropReminder()
    {
        if (_reminder == ReminderState.None) return;
        if (await this.GetReminder(LivenessReminder) is { } reminder) await this.UnregisterReminder(reminder);
        _reminder = ReminderState.None;
    }

    private async Task Save(NodeRecord next)
    {
        next = next with { EarnedShare = _slowStart.Earned };
        await state.Commit(next, this);
        _node = next;
    }

    private enum ReminderState { Unknown, Set, None }

    private sealed record LostAttempt(string TaskId, int Attempt, string Cause, bool Counts);
}
