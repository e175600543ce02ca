using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>The checks' own account of the scheduler's queue: what it was told and has not let go of, and what it proposes.</summary>
internal sealed class QueueLedger(SimEnvironment env, SimPool pool, Promises promises)
{
    private readonly (int Tasks, long MilliCores)[] _held = new (int, long)[env.Plan.Users.Count];
    private readonly OfferOnItsWay?[] _offers = new OfferOnItsWay?[pool.Nodes.Length];
    /// <summary>The last word of each node that reached this incarnation of the scheduler.</summary>
    private readonly NodeView?[] _views = new NodeView?[pool.Nodes.Length];

    /// <summary>Tasks that were given to the scheduler and not taken out.</summary>
    public int InQueue { get; private set; }

    /// <summary>What the scheduler was told of a node that it may offer work to now; null: it may not.</summary>
    public NodeView? OpenTo(SimNode node) => _offers[node.Number] is null && _views[node.Number] is { CanTakeWork: true, IsSettling: false } view ? view : null;

    public void Enqueued(SchedulerCore core, SimTask task, PendingTask pending)
    {
        if (!core.Knows(task.Id)) throw env.Broken("Conservation", $"{task.Id} was enqueued and the scheduler does not know it");
        if (task.Offer is not null)
        {
            task.Again = true;
            task.AgainFrom = VirtualClock.TicksAt(pending.NotBefore);
            return;
        }
        if (!task.InQueue) InQueue++;
        task.InQueue = true;
        task.HeldUntil = VirtualClock.TicksAt(pending.NotBefore);
    }

    public void Removed(SchedulerCore core, SimTask task)
    {
        if (core.Knows(task.Id)) throw env.Broken("Conservation", $"{task.Id} was removed and the scheduler still knows it");
        if (task.InQueue) InQueue--;
        if (task.Offer is not null) Holds(task, false);
        Forgotten(task);
    }

    /// <summary>
    /// What an account holds, offers on their way too, is within its role's quota. Where something fails, a task may be on a node that the scheduler
    /// has not heard of; it is told, and then it counts.
    /// </summary>
    private void Holds(SimTask task, bool holds)
    {
        if (!env.Plan.IsCalm || task.Holds == holds) return;
        task.Holds = holds;
        var (tasks, milliCores) = _held[task.User];
        var (one, size) = holds ? (1, task.Shape.Resources.MilliCores) : (-1, -task.Shape.Resources.MilliCores);
        _held[task.User] = (tasks + one, milliCores + size);
        if (!holds) return;
        var quota = env.Plan.Scheduling.OfRole(env.Plan.Users[task.User].Role);
        if (quota.MaxRunning > 0 && tasks + 1 > quota.MaxRunning) throw env.Broken("Quota", $"{task.Id} is the {tasks + 1}th that {task.Born.UserId} holds, of {quota.MaxRunning}");
        if (quota.MaxCores > 0 && milliCores + size > quota.MaxCores * 1000) throw env.Broken("Quota", $"with {task.Id} {task.Born.UserId} holds {milliCores + size} of {quota.MaxCores * 1000} thousandths of cores");
    }

    /// <summary>What a node says that it holds no more is held no more.</summary>
    private void Heard(SimNode node, NodeView? view)
    {
        if (!env.Plan.IsCalm || view is null || (node.LastSaid is { } last && !view.IsNewsAfter(last))) return;
        node.LastSaid = view;
        var said = view.Running.Select(run => run.TaskId).ToHashSet();
        foreach (var id in node.Said)
            if (!said.Contains(id)) Holds(pool.TaskOf(id), false);
        node.Said = said;
    }

    public void ViewArrived(SimNode node, NodeView? view)
    {
        Heard(node, view);
        if (view is null) _views[node.Number] = null;
        else if (_views[node.Number] is not { } known || view.IsNewsAfter(known)) _views[node.Number] = view;
    }

    /// <summary>Of whom the scheduler forgets what was said, that is said no more.</summary>
    public void ForgetSilent(SchedulerCore core)
    {
        for (var number = 0; number < _views.Length; number++)
            if (_views[number] is not null && core.Pool.Find(pool.Nodes[number].Id) is not { View: not null }) _views[number] = null;
    }

    /// <summary>The scheduler has died with all that it was told.</summary>
    public void Clear()
    {
        Array.Clear(_offers);
        Array.Clear(_views);
        foreach (var task in pool.Tasks)
            if (task.InQueue) Forgotten(task);
        InQueue = 0;
    }

    private static void Forgotten(SimTask task)
    {
        (task.InQueue, task.Offer, task.Again) = (false, null, false);
        task.HeldUntil = task.RestsUntil = 0;
    }

    public void Proposed(OfferOnItsWay offer, SimNode node)
    {
        if (_offers[node.Number] is not null) throw env.Broken("I6", $"two offers are on their way to {node.Id}");
        if (_views[node.Number] is not { CanTakeWork: true, IsSettling: false } view) throw env.Broken("I6", $"an offer goes to {node.Id}, which takes no work as far as the scheduler was told");
        _offers[node.Number] = offer;
        var (asked, ofOthers) = (ResourceVector.Zero, 0);
        foreach (var pending in offer.Offer.Tasks)
        {
            var task = pool.TaskOf(pending.TaskId);
            env.AddToTrace(task.Number, node.Number);
            if (!task.InQueue || task.Offer is not null) throw env.Broken("Conservation", $"{task.Id} is offered to {node.Id} and {(task.Offer is { } other ? $"is on its way to {pool.Nodes[other.Node].Id}" : "does not wait")}");
            if (task.HeldUntil > env.Time.Ticks) throw env.Broken("I10", $"{task.Id} is offered before its pause is over");
            if (!pool.Runs(node, task.Shape)) throw env.Broken("I10", $"{task.Id} is offered to {node.Id}, which could never run it");
            if (!view.AcceptsStrangers && node.Owner != task.User) throw env.Broken("I10", $"{task.Id} of {pending.UserId} is offered to {node.Id}, which takes only its owner's");
            if (LeavesOut(pending, node) && Another(task, pending) is { } another)
                throw env.Broken("I13", $"{task.Id} is offered to {node.Id}, on which it failed ({pending.FailedOn}), and {another.Id} could run it");
            if (node.Owner != task.User) ofOthers++;
            task.Offer = offer;
            asked += ResourceVector.Of(pending.Resources);
            promises.Kept(task);
            Holds(task, true);
        }
        if (ofOthers > (view.OthersLeft ?? int.MaxValue)) throw env.Broken("I14", $"{ofOthers} tasks of others are offered to {node.Id}, which takes {view.OthersLeft} more");
        if (!asked.FitsIn(ResourceVector.Of(view.Free))) throw env.Broken("I6", $"{asked.ToRequest()} are offered to {node.Id}, which has said that {view.Free} are free");
    }

    public static bool LeavesOut(PendingTask pending, SimNode node) => pending.FailedOn.Split(' ').Contains(node.Id);

    /// <summary>By the last words that reached the scheduler: a node on which it did not fail, and that would take it if it were empty.</summary>
    private SimNode? Another(SimTask task, PendingTask pending) => pool.Nodes.FirstOrDefault(node =>
        _views[node.Number] is { CanTakeWork: true } view && !LeavesOut(pending, node) && pool.Runs(node, task.Shape)
        && task.Shape.Size.FitsIn(ResourceVector.Of(view.Total)) && (view.AcceptsStrangers || node.Owner == task.User));

    public void Answered(OfferOnItsWay offer, OfferResult result)
    {
        if (_offers[offer.Node] != offer) return;
        Heard(pool.Nodes[offer.Node], result.View);
        _offers[offer.Node] = null;
        if (result.View is null || _views[offer.Node] is null) _views[offer.Node] = null;
        else if (!_views[offer.Node]!.IsSurelyAfter(result.View)) _views[offer.Node] = result.View;
        var answers = new Dictionary<string, OfferAnswerKind>(result.Answers.Count);
        foreach (var answer in result.Answers) answers[answer.TaskId] = answer.Kind;
        foreach (var pending in offer.Offer.Tasks)
        {
            var task = pool.TaskOf(pending.TaskId);
            if (task.Offer != offer) continue; // removed meanwhile
            task.Offer = null;
            var isGranted = answers.GetValueOrDefault(pending.TaskId, OfferAnswerKind.TryAgain) == OfferAnswerKind.Granted;
            if (!isGranted || !pool.Nodes[offer.Node].Said.Contains(task.Id)) Holds(task, false); // it may have ended there by now
            if (task.Again)
            {
                // The newest word of it counts, whatever became of the offer.
                task.Again = false;
                (task.HeldUntil, task.RestsUntil) = (task.AgainFrom, 0);
                continue;
            }
            if (answers.GetValueOrDefault(pending.TaskId, OfferAnswerKind.TryAgain) is OfferAnswerKind.Granted or OfferAnswerKind.NotPending)
            {
                Forgotten(task);
                InQueue--;
                continue;
            }
            task.RestsUntil = Math.Max(task.RestsUntil, env.Time.Ticks + SchedulerCore.TryAgainAfter.Ticks);
        }
    }

}
