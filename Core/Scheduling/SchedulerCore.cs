namespace HiveMind.Scheduling;

/// <summary>
/// The scheduler's rules, with time and chance as parameters: reconcile (views, answers) → whose turn → feasible → fit → score → propose.
/// It proposes only; what it believes can be lost at any moment and is told again. `docs/scheduling.md` names where each rule comes from.
/// </summary>
public sealed class SchedulerCore
{
    /// <summary>Tasks in one offer to one node.</summary>
    public const int TasksPerOffer = 64;

    /// <summary>How long a task rests after a node could not say whether it takes it.</summary>
    public static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);

    /// <summary>And after its account's balance did not cover it for a second time.</summary>
    public static readonly TimeSpan NoCreditRest = TimeSpan.FromSeconds(10);

    /// <summary>A pause between two looks that counts as silence at most: a longer one is the hub's own.</summary>
    private static readonly long LongestLook = TimeSpan.FromSeconds(5).Ticks;

    /// <summary>Accounts whose first task is looked at when a later one is about to be placed before it.</summary>
    private const int PassedLookedAt = 8;

    private readonly Shares _shares;
    private readonly ShapeBook _shapes = new();
    private readonly PoolPicture _pool;
    private readonly PendingQueue _queue;
    private readonly RateMeter _starts = new();

    public SchedulerCore(IPlacementPolicy policy, SchedulingOptions? options = null, int seed = 0) : this(policy, options, seed, new BackfillRule())
    {
    }

    internal SchedulerCore(IPlacementPolicy policy, SchedulingOptions? options, int seed, BackfillRule backfill)
    {
        options ??= new SchedulingOptions();
        _shares = new Shares(options);
        _pool = new PoolPicture(policy, backfill, _shares, _shapes, new Random(seed));
        _queue = new PendingQueue(_shares, _pool, _shapes, options.AgingStep.Ticks, options.RetryElsewhere);
    }

    public SchedulerCounts Counts => new(_queue.Count, _pool.TakingWork);

    /// <summary>
    /// By how much the clock that moments are told by has been set, forwards or back, since the core was made: what was used is forgotten by the
    /// time that went by.
    /// </summary>
    public TimeSpan ClockStepped { set => _shares.Stepped = value.Ticks; }

    /// <summary>Places kept for what is due at some time.</summary>
    internal int Due => _queue.Due;

    /// <summary>Lanes and shapes looked at since the start, by proposals and by nodes that grew: the cost that must not follow what waits.</summary>
    public long LanesVisited => _placementsTried + _queue.ShapesCompared;
    private long _placementsTried;
    private long? _lookedAt;

    /// <summary>The nodes that are being kept now: for which task, which node, from when on at the latest as was promised.</summary>
    internal IEnumerable<Reservation> Reservations => _pool.Reservations;

    internal PoolPicture Pool => _pool;

    internal Shares Shares => _shares;

    /// <summary>Repeating changes nothing; a task that is known otherwise (another backoff) is known by its newest word.</summary>
    public void Enqueue(PendingTask task, DateTimeOffset now)
    {
        if (_queue.Find(task.TaskId) is { } known)
        {
            if (known.Place == QueuePlace.Offered)
            {
                known.Again = task;
                return;
            }
            if (known.IsSameAs(task)) return;
            _queue.Remove(known);
        }
        _queue.Add(task, now.UtcTicks);
    }

    public void Remove(string taskId)
    {
        if (_queue.Find(taskId) is { } known) _queue.Remove(known);
    }

    public bool Knows(string taskId) => _queue.Find(taskId) is not null;

    /// <summary>The same of a task that the index has: see <see cref="TakeUnnamed"/>.</summary>
    public bool KnowsNamed(string taskId) => _queue.Name(taskId);

    /// <summary>
    /// Up to so many tasks that have been here since before the last call and that nobody named since: of a pass over the whole index in between that means that
    /// it does not have them. The word that they wait no more was lost, perhaps; one that no node can run would stay for ever.
    /// </summary>
    public IReadOnlyList<string> TakeUnnamed(int most) => _queue.TakeUnnamed(most);

    public void NodeChanged(NodeView view, DateTimeOffset now)
    {
        if (_pool.Apply(view, now.UtcTicks) is not { } slot) return;
        _queue.OwnNodesChanged(view.OwnerId);
        _queue.Hope(slot);
        if (!slot.Sent) _queue.Wake(slot, now.UtcTicks);
    }

    public void NodeGone(string nodeId, DateTimeOffset now)
    {
        if (_pool.Find(nodeId) is not { } slot) return;
        var owner = slot.View?.OwnerId;
        _pool.Forget(slot, now.UtcTicks);
        if (owner is not null) _queue.OwnNodesChanged(owner);
    }

    /// <summary>
    /// Forgets nodes that said nothing for so long. Each tells with every heartbeat and when its lease ends: the last word of such a one was lost, or an earlier
    /// one came after it. To be called about once a second; a time without calls is the hub's own absence and counts for little.
    /// </summary>
    public IReadOnlyList<string> ForgetSilent(DateTimeOffset now, TimeSpan longest)
    {
        var steady = now.UtcTicks - _shares.Stepped;
        _pool.Watched += Math.Clamp(steady - (_lookedAt ?? steady), 0, LongestLook);
        _lookedAt = steady;
        var silent = _pool.Silent(longest.Ticks).ConvertAll(slot => slot.NodeId);
        foreach (var nodeId in silent) NodeGone(nodeId, now);
        return silent;
    }

    /// <summary>Up to that many tasks, in order, for the best nodes: on their way until the offer is answered or failed.</summary>
    public IReadOnlyList<NodeOffer> Propose(DateTimeOffset now, int maxTasks)
    {
        var ticks = now.UtcTicks;
        _queue.ReleaseDue(ticks);
        _queue.FollowPool();
        _shares.Refresh(ticks);
        var proposed = ServeReservations(maxTasks, ticks);
        while (proposed < maxTasks && _pool.HasRoom && _queue.Next() is { Lane: { } lane } next)
        {
            _placementsTried++;
            var slot = _pool.Best(lane, ticks);
            if (slot is not null && KeepForPassed(lane, next.Place, slot, ticks)) slot = _pool.Best(lane, ticks);
            if (slot is null)
            {
                _queue.Park(lane);
                continue;
            }
            Place(lane, slot, ticks);
            proposed++;
        }
        return _pool.Send();
    }

    /// <summary>The tasks whose time to start is over, up to that many: their records are to end them. Named again until they are removed.</summary>
    public IReadOnlyList<string> TakeExpired(DateTimeOffset now, int most) => _queue.TakeExpired(now.UtcTicks, most);

    /// <summary>Its record says that it waits no more, although nobody had told. One that was enqueued anew meanwhile stays.</summary>
    public void ForgetExpired(string taskId)
    {
        if (_queue.Find(taskId) is { IsExpired: true } expired) _queue.Remove(expired);
    }

    /// <summary>Its record says that it may wait on, so long at most: by the clock of its submit, or of who was asked, that is later than by this one.</summary>
    public void NotExpired(string taskId, TimeSpan left, DateTimeOffset now)
    {
        if (_queue.Find(taskId) is { IsExpired: true } waiting) _queue.WaitOn(waiting, left.Ticks, now.UtcTicks);
    }

    /// <summary>How long it has been in this queue.</summary>
    public TimeSpan WaitedHere(string taskId, DateTimeOffset now) =>
        _queue.Find(taskId) is { } queued ? TimeSpan.FromTicks(Math.Max(0, now.UtcTicks - _shares.Stepped - queued.QueuedAt)) : TimeSpan.Zero;

    /// <summary>The node's answers and its view after them. A task without an answer is tried again.</summary>
    public void OfferAnswered(string nodeId, OfferResult result, DateTimeOffset now)
    {
        if (_pool.Find(nodeId) is not { Sent: true } slot) return;
        var ticks = now.UtcTicks;
        var offered = slot.Offer;
        var owner = slot.View?.OwnerId;
        var answers = new AnswerReader(result.Answers);
        var kinds = new OfferAnswerKind[offered.Count];
        for (var i = 0; i < kinds.Length; i++)
        {
            kinds[i] = answers.Of(i, offered[i].TaskId);
            _pool.AnswerHold(slot, offered[i].TaskId, kinds[i] == OfferAnswerKind.Granted, ticks);
        }
        var after = _pool.EndOffer(slot, result.View, ticks);
        for (var i = 0; i < kinds.Length; i++) Settle(offered[i], kinds[i], after, now);
        if (owner is not null) _queue.OwnNodesChanged(owner);
        if (after is null) return;
        _queue.Hope(after);
        _queue.Wake(after, ticks);
    }

    /// <summary>Nobody knows what became of it: the tasks rest a little and the node is left alone until it speaks.</summary>
    public void OfferFailed(string nodeId, DateTimeOffset now) => OfferAnswered(nodeId, new OfferResult([], null), now);

    public WaitReason Explain(string taskId, DateTimeOffset now)
    {
        var whole = ExplainWhole(taskId, now);
        return new(whole.Reason, whole.Text);
    }

    public TaskExplanation ExplainWhole(string taskId, DateTimeOffset now) => new WaitExplainer(_queue, _pool, _shares, _starts).Explain(taskId, now);

    public UserLoad LoadOf(string userId) => _shares.Find(userId) is { } account ? new(account.Waiting, account.Running, account.MilliCores) : new(0, 0, 0);

    public IReadOnlyList<string> NodesOf(string ownerId) => [.. _pool.Connected.Where(slot => slot.View!.OwnerId == ownerId).Select(slot => slot.NodeId)];

    /// <summary>A node that was kept and now has room gets the task it was kept for, before anybody else is looked at.</summary>
    private int ServeReservations(int most, long now)
    {
        var served = 0;
        for (var i = _pool.Reservations.Count - 1; i >= 0 && served < most; i--)
        {
            if (i >= _pool.Reservations.Count) continue;
            var (lane, slot) = (_pool.Reservations[i].Lane, _pool.Reservations[i].Node);
            if (!slot.HasRoom || !lane.Shape.Request.FitsIn(slot.Free)) continue;
            if (!lane.Account.MayHold(lane.Shape.Request) || slot.IsShutTo(lane.Account))
            {
                _queue.GiveUp(lane); // its account holds all that it may, or the node may take no more of others now: nobody need wait for that
                continue;
            }
            Place(lane, slot, now);
            served++;
        }
        return served;
    }

    private void Place(Lane lane, NodeSlot slot, long now)
    {
        var queued = _queue.Offer(lane);
        _queue.GiveUp(lane);
        _pool.Reserve(slot, queued, now);
    }

    /// <summary>
    /// The first tasks of those whose turn it was before, and which that node could run: from here on a node is kept for each, so that
    /// nothing passes it for ever. True: the node just found may be such a one.
    /// </summary>
    private bool KeepForPassed(Lane next, int place, NodeSlot slot, long now)
    {
        var kept = false;
        for (var i = 0; i <= Math.Min(place, PassedLookedAt); i++)
        {
            if (!_pool.MayReserve) return kept;
            var account = i == PassedLookedAt ? next.Account : _shares.Ranking[i];
            if (account.IsFull || account.Ready.First == next) continue;
            if (FirstFeasible(account) is not { Reservation: null } passed || passed == next) continue;
            if (!account.MayHold(passed.Shape.Request) || !PoolPicture.IsFeasible(slot, passed.Shape, account)) continue;
            kept |= _pool.Keep(passed, now) is not null;
        }
        return kept;
    }

    private Lane? FirstFeasible(Account account)
    {
        for (var i = 0; i < account.Ready.Count; i++)
            if (_pool.IsFeasible(account.Ready[i].Shape, account)) return account.Ready[i];
        return null;
    }

    private void Settle(QueuedTask queued, OfferAnswerKind answer, NodeSlot? node, DateTimeOffset now)
    {
        if (answer == OfferAnswerKind.Granted)
        {
            queued.Lane.Account.Starts.Add(now.UtcTicks);
            _starts.Add(now.UtcTicks);
        }
        if (queued.Gone) return; // removed meanwhile
        if (queued.Again is { } again)
        {
            // The newest word of it counts, whatever the node says of the one before.
            _queue.Remove(queued);
            Enqueue(again, now);
            return;
        }
        switch (answer)
        {
            case OfferAnswerKind.NoRoom when node is null || !queued.Request.FitsIn(node.Free) || node.IsShutTo(queued.Lane.Account):
                _queue.Return(queued, 0, now.UtcTicks);
                break;
            // NoRoom from a node that says it has room is a contradiction: at once again would be a loop.
            case OfferAnswerKind.TryAgain or OfferAnswerKind.NoRoom:
                queued.LacksCredit = false;
                _queue.Return(queued, (now + TryAgainAfter).UtcTicks, now.UtcTicks);
                break;
            case OfferAnswerKind.NoCredit:
                // At first it may only be that an end is not yet in the balance.
                var rest = queued.LacksCredit ? NoCreditRest : TryAgainAfter;
                queued.LacksCredit = true;
                _queue.Return(queued, (now + rest).UtcTicks, now.UtcTicks);
                break;
            default:
                _queue.Remove(queued);
                break;
        }
    }

    /// <summary>Answers come in the order of the offer as a rule, and are looked up by task only where they do not. None: try again.</summary>
    private struct AnswerReader(IReadOnlyList<OfferAnswer> answers)
    {
        private Dictionary<string, OfferAnswerKind>? _byTask;

        public OfferAnswerKind Of(int place, string taskId)
        {
            if (_byTask is null && place < answers.Count && answers[place].TaskId == taskId) return answers[place].Kind;
            if (_byTask is null)
            {
                _byTask = new(answers.Count);
                foreach (var answer in answers) _byTask[answer.TaskId] = answer.Kind;
            }
            return _byTask.GetValueOrDefault(taskId, OfferAnswerKind.TryAgain);
        }
    }
}
