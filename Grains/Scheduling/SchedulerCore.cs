namespace HiveMind.Scheduling;

/// <summary>
/// The scheduler's rules, with time as a parameter: reconcile (views, answers) → feasible → fit → score → propose.
/// It proposes only; what it believes can be lost at any moment and is told again.
/// </summary>
public sealed class SchedulerCore(IPlacementPolicy policy)
{
    /// <summary>Tasks in one offer to one node.</summary>
    public const int TasksPerOffer = 64;

    /// <summary>How long a task rests after a node could not say whether it takes it.</summary>
    public static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);

    private readonly PendingQueue _queue = new();
    private readonly PoolPicture _pool = new(TasksPerOffer);

    public SchedulerCounts Counts => new(_queue.Count, _pool.Nodes.Count());

    /// <summary>Lanes looked at since the start, by proposals and by nodes that grew: the cost that must not follow what waits.</summary>
    public long LanesVisited => _placementsTried + _queue.LanesCompared;
    private long _placementsTried;

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
            if (known.Task == task) return;
            _queue.Remove(known);
        }
        _queue.Add(task, now, _pool.HasOwnNodes(task.UserId));
    }

    public void Remove(string taskId)
    {
        if (_queue.Find(taskId) is { } known) _queue.Remove(known);
    }

    public bool Knows(string taskId) => _queue.Find(taskId) is not null;

    public void NodeChanged(NodeView view, DateTimeOffset now)
    {
        if (_pool.Apply(view) is { Sent: false } slot) Wake(slot);
    }

    public void NodeGone(string nodeId, DateTimeOffset now) => _pool.Forget(nodeId);

    /// <summary>Up to that many tasks, in order, for the best nodes: on their way until the offer is answered or failed.</summary>
    public IReadOnlyList<NodeOffer> Propose(DateTimeOffset now, int maxTasks)
    {
        _queue.ReleaseDue(now, _pool.HasOwnNodes);
        for (var proposed = 0; proposed < maxTasks && _pool.HasRoom && _queue.Next() is { } next;)
        {
            _placementsTried++;
            if (_pool.Best(next.Task, policy) is not { } slot)
            {
                _queue.Park(next);
                continue;
            }
            _queue.Offer(next, slot.NodeId);
            _pool.Reserve(slot, next.Task);
            proposed++;
        }
        return _pool.Send();
    }

    /// <summary>The node's answers and its view after them. A task without an answer is tried again.</summary>
    public void OfferAnswered(string nodeId, OfferResult result, DateTimeOffset now)
    {
        if (_pool.Find(nodeId) is not { Sent: true } slot) return;
        var offered = slot.Offer;
        var answers = result.Answers.GroupBy(answer => answer.TaskId).ToDictionary(same => same.Key, same => same.Last().Kind);
        var after = _pool.EndOffer(slot, result.View);
        foreach (var task in offered)
        {
            Settle(nodeId, task.TaskId, answers.GetValueOrDefault(task.TaskId, OfferAnswerKind.TryAgain), after, now);
        }
        if (after is not null) Wake(after);
    }

    /// <summary>Nobody knows what became of it: the tasks rest a little and the node is left alone until it speaks.</summary>
    public void OfferFailed(string nodeId, DateTimeOffset now) => OfferAnswered(nodeId, new OfferResult([], null), now);

    public WaitReason Explain(string taskId) => WaitExplainer.Explain(taskId, _queue, _pool);

    public TaskExplanation ExplainWhole(string taskId, DateTimeOffset now) =>
        Explain(taskId) is var reason ? new(WaitKind.Waiting, reason.Reason, reason.Text) : throw new InvalidOperationException();

    public UserLoad LoadOf(string userId) => new(0, 0, 0);

    private void Settle(string nodeId, string taskId, OfferAnswerKind answer, NodeSlot? node, DateTimeOffset now)
    {
        var found = _queue.Find(taskId);
        if (found is not { Place: QueuePlace.Offered } queued || queued.OfferedTo != nodeId) return; // removed meanwhile
        switch (answer)
        {
            case OfferAnswerKind.NoRoom when node is null || !queued.Task.Resources.Fits(node.Free):
                _queue.MakeReady(queued, _pool.HasOwnNodes(queued.Task.UserId));
                break;
            // NoRoom from a node that says it has room is a contradiction: at once again would be a loop.
            case OfferAnswerKind.TryAgain or OfferAnswerKind.NoRoom:
                _queue.Hold(queued, now + TryAgainAfter);
                break;
            default:
                _queue.Remove(queued);
                if (queued.Again is { } again) Enqueue(again, now);
                break;
        }
    }

    private void Wake(NodeSlot slot)
    {
        if (slot.HasRoom(TasksPerOffer)) _queue.Wake(slot.View!, slot.Free);
    }
}
