namespace HiveMind.Scheduling;

/// <summary>A node as the scheduler sees it: the last view, less what is on its way to it.</summary>
internal sealed class NodeSlot(string nodeId)
{
    public string NodeId { get; } = nodeId;
    /// <summary>Null once forgotten, while an offer is still on its way.</summary>
    public NodeView? View { get; set; }
    public ResourceRequest Free { get; set; } = ResourceMath.Nothing;
    /// <summary>The offer that is being filled or, once sent, on its way: one at a time.</summary>
    public List<PendingTask> Offer { get; set; } = [];
    public bool Sent { get; set; }

    public bool HasRoom(int tasksPerOffer) =>
        !Sent && Offer.Count < tasksPerOffer && View is { CanTakeWork: true } && Free is { MilliCores: > 0, MemoryMb: > 0 };
}

/// <summary>Who is free, as far as is known here. Only a picture: each node decides for itself what it takes.</summary>
internal sealed class PoolPicture(int tasksPerOffer)
{
    private readonly Dictionary<string, NodeSlot> _slots = [];
    private readonly HashSet<NodeSlot> _withRoom = [];
    private readonly HashSet<NodeSlot> _filling = [];
    private readonly Dictionary<string, int> _ownOnlyNodes = [];

    public bool HasRoom => _withRoom.Count > 0;

    /// <summary>The nodes that take work at all, full or not.</summary>
    public IEnumerable<NodeView> Nodes => _slots.Values.Select(slot => slot.View).OfType<NodeView>().Where(view => view.CanTakeWork);

    /// <summary>True: a node that takes only this user's tasks is there, so the user's own lanes matter.</summary>
    public bool HasOwnNodes(string userId) => _ownOnlyNodes.ContainsKey(userId);

    public NodeSlot? Find(string nodeId) => _slots.GetValueOrDefault(nodeId);

    /// <summary>
    /// The node's slot, or null when a newer view is known. The view may be from before the offer on its way: that one is taken off
    /// again, rather too much than too little, until the answer brings the node's own word.
    /// </summary>
    public NodeSlot? Apply(NodeView view)
    {
        if (!_slots.TryGetValue(view.NodeId, out var slot)) _slots.Add(view.NodeId, slot = new NodeSlot(view.NodeId));
        if (slot.View is { } known && known.Version >= view.Version) return null;
        SetView(slot, view);
        return slot;
    }

    public void Forget(string nodeId)
    {
        if (!_slots.TryGetValue(nodeId, out var slot)) return;
        SetView(slot, null);
        if (!slot.Sent) _slots.Remove(nodeId);
    }

    /// <summary>Fit and score: the best node that has room for the task now.</summary>
    public NodeSlot? Best(PendingTask task, IPlacementPolicy policy)
    {
        NodeSlot? best = null;
        var bestScore = double.NegativeInfinity;
        foreach (var slot in _withRoom)
        {
            if (!task.Resources.Fits(slot.Free) || !slot.View!.IsFeasible(task)) continue;
            var score = policy.Score(slot.View!, slot.Free, task.Resources);
            if (score < bestScore || (score == bestScore && string.CompareOrdinal(slot.NodeId, best!.NodeId) > 0)) continue;
            (best, bestScore) = (slot, score);
        }
        return best;
    }

    public void Reserve(NodeSlot slot, PendingTask task)
    {
        slot.Offer.Add(task);
        slot.Free = slot.Free.Minus(task.Resources);
        _filling.Add(slot);
        Review(slot);
    }

    /// <summary>Closes the offers that were filled: they are on their way from here on.</summary>
    public IReadOnlyList<NodeOffer> Send()
    {
        var offers = new List<NodeOffer>(_filling.Count);
        foreach (var slot in _filling)
        {
            slot.Sent = true;
            Review(slot);
            offers.Add(new NodeOffer(slot.NodeId, slot.Offer));
        }
        _filling.Clear();
        return offers;
    }

    /// <summary>
    /// The offer has ended; the node's word after it, or null when it said nothing of use, which drops the node until it is heard of
    /// again. A node that was forgotten meanwhile stays so: the word is from before.
    /// </summary>
    public NodeSlot? EndOffer(NodeSlot slot, NodeView? word)
    {
        slot.Sent = false;
        slot.Offer = [];
        if (slot.View is null || word is null)
        {
            Forget(slot.NodeId);
            return null;
        }
        SetView(slot, word.Version >= slot.View.Version ? word : slot.View);
        return slot;
    }

    private void SetView(NodeSlot slot, NodeView? view)
    {
        if (slot.View is { AcceptsStrangers: false } before && --_ownOnlyNodes[before.OwnerId] == 0) _ownOnlyNodes.Remove(before.OwnerId);
        if (view is { AcceptsStrangers: false }) _ownOnlyNodes[view.OwnerId] = _ownOnlyNodes.GetValueOrDefault(view.OwnerId) + 1;
        slot.View = view;
        slot.Free = slot.Offer.Aggregate(view?.Free ?? ResourceMath.Nothing, (free, task) => free.Minus(task.Resources));
        Review(slot);
    }

    private void Review(NodeSlot slot)
    {
        if (slot.HasRoom(tasksPerOffer)) _withRoom.Add(slot);
        else _withRoom.Remove(slot);
    }
}
