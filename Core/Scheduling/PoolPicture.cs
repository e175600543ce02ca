namespace HiveMind.Scheduling;

/// <summary>Who is free, as far as is known here. Only a picture: each node decides for itself what it takes.</summary>
internal sealed class PoolPicture(IPlacementPolicy policy, BackfillRule backfill, Shares shares, ShapeBook shapes, Random chance)
{
    /// <summary>Nodes compared for a reservation: more would find one that has room a little earlier, at a cost for every big task.</summary>
    private const int NodesForecast = 32;
    private const int NodesPerReservation = 8, MostReservations = 64;

    private readonly Dictionary<string, NodeSlot> _slots = [];
    private readonly Dictionary<string, NodeClass> _classes = [];
    private readonly Dictionary<string, List<NodeClass>> _ownClasses = [];
    /// <summary>By owner: nodes with room that may take no more tasks of others now. Only their owners' tasks find them.</summary>
    private readonly Dictionary<string, List<NodeSlot>> _shut = [];
    private readonly HashSet<NodeSlot> _filling = [];
    private readonly List<Reservation> _reservations = [];
    private readonly RoomForecast _forecast = new();
    private long _version;
    private long _views;
    private int _classesWithRoom;

    public bool HasRoom => _classesWithRoom > 0 || _shut.Count > 0;
    /// <summary>Grows when a node comes or goes, takes work or does not, or is another than it was: when what is feasible may have changed.</summary>
    public long Version => _version;
    public int TakingWork { get; private set; }

    /// <summary>The nodes that take work at all, full or not.</summary>
    public IEnumerable<NodeSlot> Nodes => _slots.Values.Where(slot => slot.CanTakeWork);
    /// <summary>All that are connected.</summary>
    public IEnumerable<NodeSlot> Connected => _slots.Values.Where(slot => slot.View is not null);
    public IReadOnlyList<Reservation> Reservations => _reservations;
    public IReadOnlyCollection<NodeClass> Classes => _classes.Values;

    /// <summary>True: a node that takes only this user's tasks is there, or takes only them now.</summary>
    public bool HasOwnNodes(string userId) => _ownClasses.ContainsKey(userId) || _shut.ContainsKey(userId);

    /// <summary>For how long silence has been counted (ticks).</summary>
    public long Watched { get; set; }

    public List<NodeSlot> Silent(long longest) => [.. _slots.Values.Where(slot => slot.View is not null && Watched - slot.HeardAt > longest)];

    public NodeSlot? Find(string nodeId) => _slots.GetValueOrDefault(nodeId);

    // ------------------------------------------------------------ shapes

    /// <summary>The shape of these tasks; one that is new is compared with every class of nodes.</summary>
    public Shape ShapeOf(in ShapeKey key)
    {
        var shape = shapes.Of(key, out var isNew);
        if (!isNew) return shape;
        foreach (var nodes in _classes.Values) Match(shape, nodes);
        return shape;
    }

    /// <summary>Nobody waits with it any more.</summary>
    public void Forget(Shape shape)
    {
        foreach (var nodes in _classes.Values) nodes.Shapes.Remove(shape.Number);
        shapes.Remove(shape);
    }

    /// <summary>This node, empty, would take it.</summary>
    public static bool IsFeasible(NodeSlot slot, Shape shape, Account account) =>
        slot is { CanTakeWork: true, Class: { } nodes } && nodes.Shapes.Contains(shape.Number) && (nodes.OwnerOnly is null || nodes.OwnerOnly == account.UserId)
        && shape.Request.FitsIn(slot.Total) && Serves(slot, shape);

    /// <summary>Some node, empty, would take it; one that it leaves out, where there is no other.</summary>
    public bool IsFeasible(Shape shape, Account account)
    {
        if (IsFeasibleElsewhere(shape, account)) return true;
        if (!shape.LeavesOut) return false;
        if (shape.CheckedWhole.Version != _version)
            shape.CheckedWhole = (_version, Open(shape).Any(nodes => HasOneFor(nodes, shape, whole: true)));
        return shape.CheckedWhole.Feasible || Own(account, shape).Any(nodes => HasOneFor(nodes, shape, whole: true));
    }

    /// <summary>Some node that it does not leave out, empty, would take it.</summary>
    public bool IsFeasibleElsewhere(Shape shape, Account account)
    {
        if (shape.Checked.Version != _version)
            shape.Checked = (_version, Open(shape).Any(nodes => HasOneFor(nodes, shape)));
        return shape.Checked.Feasible || Own(account, shape).Any(nodes => HasOneFor(nodes, shape));
    }

    private static bool HasOneFor(NodeClass nodes, Shape shape, bool whole = false)
    {
        for (var leaf = nodes.Sizes.Next(0, shape.Request); leaf >= 0; leaf = nodes.Sizes.Next(leaf + 1, shape.Request))
            if (Serves(nodes.Slots[leaf]!, shape, whole)) return true;
        return false;
    }

    // ------------------------------------------------------------ nodes

    /// <summary>
    /// The node's slot, or null when a newer view is known. The view may be from before the offer on its way: that one is taken off
    /// again, rather too much than too little, until the answer brings the node's own word.
    /// </summary>
    public NodeSlot? Apply(NodeView view, long now)
    {
        if (!_slots.TryGetValue(view.NodeId, out var slot)) _slots.Add(view.NodeId, slot = new NodeSlot(view.NodeId));
        if (slot.View is { } known && !view.IsNewsAfter(known)) return null;
        SetView(slot, view, now);
        return slot;
    }

    public void Forget(NodeSlot slot, long now)
    {
        SetView(slot, null, now);
        if (!slot.Sent) _slots.Remove(slot.NodeId);
    }

    // ------------------------------------------------------------ placing

    /// <summary>Fit and score: the best node that has room for the lane's tasks now. Nodes with GPUs are left to GPU work while others have room.</summary>
    public NodeSlot? Best(Lane lane, long now) =>
        Best(lane, now, whole: false)
        // Nobody waits for a machine that is not there.
        ?? (lane.Shape.LeavesOut && !IsFeasibleElsewhere(lane.Shape, lane.Account) ? Best(lane, now, whole: true) : null);

    private NodeSlot? Best(Lane lane, long now, bool whole) =>
        (lane.Shape.WantsGpu ? null : Best(lane, lane.Shape.Plain, gpu: false, now, whole)) ?? Best(lane, lane.Shape.WithGpu, gpu: true, now, whole);

    public void Reserve(NodeSlot slot, QueuedTask task, long now)
    {
        slot.Offer.Add(task);
        slot.Free -= task.Request;
        if (slot.IsOther(task.Lane.Account)) slot.OthersLeft--;
        var (account, shape) = (task.Lane.Account, task.Lane.Shape);
        AddHold(slot, task.TaskId, account, shape.Request, shares.RateOf(shape.Cost, task.Priority), shape.EndsBy(now), offered: true, now);
        _filling.Add(slot);
        if (slot.Reservation is { } kept) Forecast(kept, now);
        Review(slot);
    }

    /// <summary>Closes the offers that were filled: they are on their way from here on.</summary>
    public IReadOnlyList<NodeOffer> Send()
    {
        if (_filling.Count == 0) return [];
        var offers = new List<NodeOffer>(_filling.Count);
        foreach (var slot in _filling)
        {
            slot.Sent = true;
            Review(slot);
            offers.Add(new NodeOffer(slot.NodeId, [.. slot.Offer.Select(task => task.ToPending())]));
        }
        _filling.Clear();
        return offers;
    }

    /// <summary>What became of an offered task's room: kept when it was granted.</summary>
    public void AnswerHold(NodeSlot slot, string taskId, bool granted, long now)
    {
        if (!slot.Holds.TryGetValue(taskId, out var hold)) return;
        if (granted) hold.Offered = false;
        else EndHold(slot, taskId, hold, now);
    }

    /// <summary>
    /// The offer has ended; the node's word after it, or null when it said nothing of use, which drops the node until it is heard of
    /// again. A node that was forgotten meanwhile stays so: the word is from before.
    /// </summary>
    public NodeSlot? EndOffer(NodeSlot slot, NodeView? word, long now)
    {
        slot.Sent = false;
        slot.Offer = [];
        if (slot.View is null || word is null)
        {
            Forget(slot, now);
            return null;
        }
        SetView(slot, slot.View.IsSurelyAfter(word) ? slot.View : word, now);
        return slot;
    }

    // ------------------------------------------------------------ reservations

    /// <summary>True: it is kept for others, and this would delay them.</summary>
    public bool IsKeptFrom(Lane lane, NodeSlot slot, long now) => slot.Reservation?.Lane != lane && IsKeptFrom(lane.Shape, slot, now);

    /// <summary>The same for all that wait with that shape.</summary>
    public bool IsKeptFrom(Shape shape, NodeSlot slot, long now) =>
        slot.Reservation is { } kept && !backfill.Allows(kept, shape.Request, shape.EndsBy(now));

    public bool MayReserve => _reservations.Count < Math.Clamp(TakingWork / NodesPerReservation, 1, MostReservations);

    /// <summary>Keeps the node that will have room for the lane's first task earliest; null: none can be told, or all are kept already.</summary>
    public Reservation? Keep(Lane lane, long now)
    {
        var kept = lane.Shape.WantsGpu ? null : Earliest(lane, lane.Shape.Plain, gpu: false, now);
        kept ??= Earliest(lane, lane.Shape.WithGpu, gpu: true, now);
        if (kept is null) return null;
        kept.Node.Reservation = lane.Reservation = kept;
        _reservations.Add(kept);
        return kept;
    }

    public void Release(Reservation kept)
    {
        kept.Node.Reservation = kept.Lane.Reservation = null;
        _reservations.Remove(kept);
    }

    private Reservation? Earliest(Lane lane, List<NodeClass> open, bool gpu, long now)
    {
        NodeSlot? best = null;
        (long By, ResourceVector Extra) first = (long.MaxValue, default);
        var looked = 0;
        foreach (var nodes in Own(lane.Account, lane.Shape).Where(own => own.HasGpu == gpu).Concat(open))
        {
            for (var i = 0; i < nodes.Slots.Count && looked < NodesForecast; i++)
            {
                var slot = nodes.Slots[(nodes.Cursor + i) % nodes.Slots.Count];
                if (slot is not { Reservation: null } || slot.IsShutTo(lane.Account) || !IsFeasible(slot, lane.Shape, lane.Account)) continue;
                looked++;
                if (_forecast.When(slot, lane.Shape.Request, now) is not { } when) continue;
                if (best is not null && (when.By > first.By || (when.By == first.By && string.CompareOrdinal(slot.NodeId, best.NodeId) > 0))) continue;
                (best, first) = (slot, when);
            }
        }
        return best is null ? null : new Reservation(lane, best) { Promise = first.By, By = first.By, Extra = first.Extra };
    }

    /// <summary>The node has changed: when it has room now. A node that would not have it any more is not kept.</summary>
    private void Forecast(Reservation kept, long now)
    {
        var (slot, lane) = (kept.Node, kept.Lane);
        if (!IsFeasible(slot, lane.Shape, lane.Account)) Release(kept);
        // Not even empty: for a moment the picture does not add up (a task came back before the view without its last attempt). The promise stands.
        else if (_forecast.When(slot, lane.Shape.Request, now) is { } when) (kept.By, kept.Extra) = when;
    }

    // ------------------------------------------------------------ helpers

    private NodeSlot? Best(Lane lane, List<NodeClass> open, bool gpu, long now, bool whole)
    {
        var search = new Search(this, lane, now, whole);
        if (lane.Account.OnOwnNodes is not null)
        {
            foreach (var nodes in Own(lane.Account, lane.Shape)) if (nodes.HasGpu == gpu) search.Through(nodes);
            if (_shut.TryGetValue(lane.Account.UserId, out var shut)) search.Through(shut, gpu);
        }
        foreach (var nodes in open) search.Through(nodes);
        return search.Best;
    }

    /// <summary>Compares up to so many nodes as the policy wants.</summary>
    private struct Search(PoolPicture pool, Lane lane, long now, bool whole)
    {
        private readonly IPlacementPolicy _policy = pool.Policy;
        private double _score = double.NegativeInfinity;
        private int _looked = 0;

        public NodeSlot? Best { get; private set; } = null;

        public void Through(NodeClass nodes)
        {
            if (_policy.AtRandom)
            {
                for (var draw = 0; draw < _policy.Candidates; draw++) From(nodes, pool.Chance.Next(nodes.Slots.Count), 1);
                return;
            }
            var last = From(nodes, nodes.Cursor, _policy.Candidates - _looked);
            if (_looked >= _policy.Candidates) nodes.Cursor = last + 1;
        }

        /// <summary>The owner's own that are shut to others: few, each is looked at.</summary>
        public void Through(List<NodeSlot> shut, bool gpu)
        {
            foreach (var slot in shut)
                if (slot.Class is { } nodes && nodes.HasGpu == gpu && nodes.Shapes.Contains(lane.Shape.Number) && lane.Shape.Request.FitsIn(slot.Free)) Consider(slot);
        }

        /// <summary>Up to so many from there on and round; the last leaf that was looked at.</summary>
        private int From(NodeClass nodes, int start, int most)
        {
            var request = lane.Shape.Request;
            var (leaf, wrapped, last) = (nodes.Room.Next(start, request), false, start);
            while (most > 0)
            {
                if (leaf < 0 || (wrapped && leaf >= start))
                {
                    if (wrapped || start == 0) break;
                    (wrapped, leaf) = (true, nodes.Room.Next(0, request));
                    continue;
                }
                last = leaf;
                if (Consider(nodes.Slots[leaf]!)) most--;
                leaf = nodes.Room.Next(leaf + 1, request);
            }
            return last;
        }

        private bool Consider(NodeSlot slot)
        {
            if (pool.IsKeptFrom(lane, slot, now) || !Serves(slot, lane.Shape, whole)) return false;
            _looked++;
            var score = _policy.Score(slot.Load, lane.Shape.Request);
            if (score < _score || (score == _score && string.CompareOrdinal(slot.NodeId, Best!.NodeId) > 0)) return true;
            (Best, _score) = (slot, score);
            return true;
        }
    }

    private IPlacementPolicy Policy => policy;
    private Random Chance => chance;

    private static IEnumerable<NodeClass> Open(Shape shape) => shape.Plain.Concat(shape.WithGpu);

    private IEnumerable<NodeClass> Own(Account account, Shape shape) =>
        _ownClasses.TryGetValue(account.UserId, out var own) ? own.Where(nodes => nodes.Shapes.Contains(shape.Number)) : [];

    /// <summary>What only the node itself can say, and whether the shape leaves it out.</summary>
    private static bool Serves(NodeSlot slot, Shape shape, bool whole = false) =>
        (!shape.AsksEachNode || shape.Labels.Matches(slot.View!.Labels)) && (whole || !shape.LeavesOut || !shape.LeftOut.Contains(slot.NodeId));

    private static void Match(Shape shape, NodeClass nodes)
    {
        if (!shape.RunsOn(nodes)) return;
        nodes.Shapes.Add(shape.Number);
        if (nodes.OwnerOnly is null) (nodes.HasGpu ? shape.WithGpu : shape.Plain).Add(nodes);
    }

    private void SetView(NodeSlot slot, NodeView? view, long now)
    {
        var before = slot.View;
        if (before is { CanTakeWork: true }) TakingWork--;
        if (view is { CanTakeWork: true }) TakingWork++;
        slot.View = view;
        slot.HeardAt = Watched;
        if (!IsSameClass(before, view)) Reclass(slot, view);
        var total = view is null ? ResourceVector.Zero : ResourceVector.Of(view.Total);
        if (total != slot.Total || before?.CanTakeWork != view?.CanTakeWork) _version++;
        slot.Total = total;
        slot.Class?.Sizes.Set(slot.Leaf, slot.CanTakeWork ? total : null);
        slot.Free = view is null ? ResourceVector.Zero : ResourceVector.Of(view.Free);
        slot.OthersLeft = view?.OthersLeft ?? int.MaxValue;
        var seen = MatchHolds(slot, view, now);
        foreach (var task in slot.Offer)
        {
            if (slot.Holds.TryGetValue(task.TaskId, out var hold) && hold.SeenIn == seen) continue; // the view has it off already
            slot.Free -= task.Request;
            if (slot.IsOther(task.Lane.Account)) slot.OthersLeft--;
        }
        if (slot.Reservation is { } kept) Forecast(kept, now);
        Review(slot);
    }

    private static bool IsSameClass(NodeView? one, NodeView? other) =>
        one is not null && other is not null && one.AcceptsStrangers == other.AcceptsStrangers && one.OwnerId == other.OwnerId
        && one.Total.Gpus > 0 == other.Total.Gpus > 0
        && (ReferenceEquals(one.TaskTypes, other.TaskTypes) || one.TaskTypes.SequenceEqual(other.TaskTypes))
        && (ReferenceEquals(one.Labels, other.Labels)
            || (one.Labels.Count == other.Labels.Count && one.Labels.All(label => other.Labels.TryGetValue(label.Key, out var value) && value == label.Value)));

    private void Reclass(NodeSlot slot, NodeView? view)
    {
        _version++;
        if (slot.Class is { } old)
        {
            SetRoom(slot, old, null);
            SetShut(slot, null);
            old.Quit(slot);
            if (old.Count == 0) Drop(old);
        }
        if (view is null) return;
        var key = NodeClass.KeyOf(view);
        if (!_classes.TryGetValue(key, out var nodes))
        {
            _classes.Add(key, nodes = new NodeClass(key, view));
            if (nodes.OwnerOnly is { } owner)
            {
                if (!_ownClasses.TryGetValue(owner, out var own)) _ownClasses.Add(owner, own = []);
                own.Add(nodes);
            }
            foreach (var shape in shapes.All) Match(shape, nodes);
        }
        nodes.Join(slot);
    }

    private void Drop(NodeClass nodes)
    {
        _classes.Remove(nodes.Key);
        foreach (var shape in shapes.All) (nodes.HasGpu ? shape.WithGpu : shape.Plain).Remove(nodes);
        if (nodes.OwnerOnly is not { } owner) return;
        _ownClasses[owner].Remove(nodes);
        if (_ownClasses[owner].Count == 0) _ownClasses.Remove(owner);
    }

    /// <summary>What the node names is held there; what it names no more has ended. An offer on its way is not yet named.</summary>
    private long MatchHolds(NodeSlot slot, NodeView? view, long now)
    {
        var seen = ++_views;
        foreach (var running in view?.Running ?? [])
        {
            if (slot.Holds.TryGetValue(running.TaskId, out var known))
            {
                known.SeenIn = seen;
                known.EndsBy = running.EndsBy.UtcTicks;
                continue;
            }
            var request = ResourceVector.Of(running.Resources);
            AddHold(
                slot, running.TaskId, shares.Of(running.UserId), request, shares.RateOf(FairShare.Cost(request), running.Priority), running.EndsBy.UtcTicks,
                offered: false, now).SeenIn = seen;
        }
        List<string>? ended = null;
        foreach (var (taskId, hold) in slot.Holds)
            if (hold is { Offered: false } && hold.SeenIn != seen) (ended ??= []).Add(taskId);
        foreach (var taskId in ended ?? []) EndHold(slot, taskId, slot.Holds[taskId], now);
        return seen;
    }

    private Hold AddHold(NodeSlot slot, string taskId, Account account, in ResourceVector request, double rate, long endsBy, bool offered, long now)
    {
        // A task may come back for another attempt before its node has said that the one before is over.
        if (slot.Holds.TryGetValue(taskId, out var earlier)) EndHold(slot, taskId, earlier, now);
        var hold = new Hold { Account = account, Request = request, Rate = rate, EndsBy = endsBy, Offered = offered };
        slot.Holds.Add(taskId, hold);
        shares.Hold(account, rate, request.MilliCores, now);
        return hold;
    }

    private void EndHold(NodeSlot slot, string taskId, Hold hold, long now)
    {
        slot.Holds.Remove(taskId);
        shares.Release(hold.Account, hold.Rate, hold.Request.MilliCores, now);
    }

    private void Review(NodeSlot slot)
    {
        if (slot.Class is not { } nodes) return;
        var isShut = slot is { HasRoom: true, OthersLeft: <= 0 } && nodes.OwnerOnly is null;
        SetRoom(slot, nodes, slot.HasRoom && !isShut ? slot.Free : null);
        SetShut(slot, isShut ? slot.View!.OwnerId : null);
    }

    private void SetShut(NodeSlot slot, string? owner)
    {
        if (slot.ShutBut == owner) return;
        if (slot.ShutBut is { } before)
        {
            _shut[before].Remove(slot);
            if (_shut[before].Count == 0) _shut.Remove(before);
        }
        slot.ShutBut = owner;
        if (owner is null) return;
        if (!_shut.TryGetValue(owner, out var own)) _shut.Add(owner, own = []);
        own.Add(slot);
    }

    private void SetRoom(NodeSlot slot, NodeClass nodes, ResourceVector? room)
    {
        var before = nodes.Room.HasRoom;
        nodes.Room.Set(slot.Leaf, room);
        if (nodes.Room.HasRoom != before) _classesWithRoom += before ? -1 : 1;
    }
}
