using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>The checks' own account of the scheduler's queue: what it was told and has not let go of, and what it proposes.</summary>
internal sealed partial class World
{
    private int _inQueue;
    private readonly (int Tasks, long MilliCores)[] _held;

    private void Enqueued(SimTask task, PendingTask pending)
    {
        if (!_core.Knows(task.Id)) throw _env.Broken("Conservation", $"{task.Id} was enqueued and the scheduler does not know it");
        if (task.Offer is not null)
        {
            task.Again = true;
            task.AgainFrom = VirtualClock.TicksAt(pending.NotBefore);
            return;
        }
        if (!task.InQueue) _inQueue++;
        task.InQueue = true;
        task.HeldUntil = VirtualClock.TicksAt(pending.NotBefore);
    }

    private void Removed(SimTask task)
    {
        if (_core.Knows(task.Id)) throw _env.Broken("Conservation", $"{task.Id} was removed and the scheduler still knows it");
        if (task.InQueue) _inQueue--;
        if (task.Offer is not null) Holds(task, false);
        Forgotten(task);
    }

    /// <summary>
    /// What an account holds, offers on their way too, is within its role's quota. Where something fails, a task may be on a node that the scheduler
    /// has not heard of; it is told, and then it counts.
    /// </summary>
    private void Holds(SimTask task, bool holds)
    {
        if (!_plan.IsCalm || task.Holds == holds) return;
        task.Holds = holds;
        var (tasks, milliCores) = _held[task.User];
        var (one, size) = holds ? (1, task.Shape.Resources.MilliCores) : (-1, -task.Shape.Resources.MilliCores);
        _held[task.User] = (tasks + one, milliCores + size);
        if (!holds) return;
        var quota = _plan.Scheduling.OfRole(_plan.Users[task.User].Role);
        if (quota.MaxRunning > 0 && tasks + 1 > quota.MaxRunning) throw _env.Broken("Quota", $"{task.Id} is the {tasks + 1}th that {task.Born.UserId} holds, of {quota.MaxRunning}");
        if (quota.MaxCores > 0 && milliCores + size > quota.MaxCores * 1000) throw _env.Broken("Quota", $"with {task.Id} {task.Born.UserId} holds {milliCores + size} of {quota.MaxCores * 1000} thousandths of cores");
    }

    /// <summary>What a node says that it holds no more is held no more.</summary>
    private void Heard(SimNode node, NodeView? view)
    {
        if (!_plan.IsCalm || view is null || (node.LastSaid is { } last && !view.IsNewsAfter(last))) return;
        node.LastSaid = view;
        var said = view.Running.Select(run => run.TaskId).ToHashSet();
        foreach (var id in node.Said)
            if (!said.Contains(id)) Holds(_pool.TaskOf(id), false);
        node.Said = said;
    }

    private static void Forgotten(SimTask task)
    {
        (task.InQueue, task.Offer, task.Again) = (false, null, false);
        task.HeldUntil = task.RestsUntil = 0;
    }

    private void Proposed(OfferOnItsWay offer, SimNode node)
    {
        if (_offers[node.Number] is not null) throw _env.Broken("I6", $"two offers are on their way to {node.Id}");
        if (_views[node.Number] is not { CanTakeWork: true, IsSettling: false } view) throw _env.Broken("I6", $"an offer goes to {node.Id}, which takes no work as far as the scheduler was told");
        _offers[node.Number] = offer;
        var (asked, ofOthers) = (ResourceVector.Zero, 0);
        foreach (var pending in offer.Offer.Tasks)
        {
            var task = _pool.TaskOf(pending.TaskId);
            _env.AddToTrace(task.Number, node.Number);
            if (!task.InQueue || task.Offer is not null) throw _env.Broken("Conservation", $"{task.Id} is offered to {node.Id} and {(task.Offer is { } other ? $"is on its way to {_pool.Nodes[other.Node].Id}" : "does not wait")}");
            if (task.HeldUntil > _time.Ticks) throw _env.Broken("I10", $"{task.Id} is offered before its pause is over");
            if (!_pool.Runs(node, task.Shape)) throw _env.Broken("I10", $"{task.Id} is offered to {node.Id}, which could never run it");
            if (!view.AcceptsStrangers && node.Owner != task.User) throw _env.Broken("I10", $"{task.Id} of {pending.UserId} is offered to {node.Id}, which takes only its owner's");
            if (LeavesOut(pending, node) && Another(task, pending) is { } another)
                throw _env.Broken("I13", $"{task.Id} is offered to {node.Id}, on which it failed ({pending.FailedOn}), and {another.Id} could run it");
            if (node.Owner != task.User) ofOthers++;
            task.Offer = offer;
            asked += ResourceVector.Of(pending.Resources);
            Kept(task);
            Holds(task, true);
        }
        if (ofOthers > (view.OthersLeft ?? int.MaxValue)) throw _env.Broken("I14", $"{ofOthers} tasks of others are offered to {node.Id}, which takes {view.OthersLeft} more");
        if (!asked.FitsIn(ResourceVector.Of(view.Free))) throw _env.Broken("I6", $"{asked.ToRequest()} are offered to {node.Id}, which has said that {view.Free} are free");
    }

    private static bool LeavesOut(PendingTask pending, SimNode node) => pending.FailedOn.Split(' ').Contains(node.Id);

    /// <summary>By the last words that reached the scheduler: a node on which it did not fail, and that would take it if it were empty.</summary>
    private SimNode? Another(SimTask task, PendingTask pending) => _pool.Nodes.FirstOrDefault(node =>
        _views[node.Number] is { CanTakeWork: true } view && !LeavesOut(pending, node) && _pool.Runs(node, task.Shape)
        && task.Shape.Size.FitsIn(ResourceVector.Of(view.Total)) && (view.AcceptsStrangers || node.Owner == task.User));

    private void Answered(OfferOnItsWay offer, OfferResult result)
    {
        if (_offers[offer.Node] != offer) return;
        Heard(_pool.Nodes[offer.Node], result.View);
        _offers[offer.Node] = null;
        if (result.View is null || _views[offer.Node] is null) _views[offer.Node] = null;
        else if (!_views[offer.Node]!.IsSurelyAfter(result.View)) _views[offer.Node] = result.View;
        var answers = new Dictionary<string, OfferAnswerKind>(result.Answers.Count);
        foreach (var answer in result.Answers) answers[answer.TaskId] = answer.Kind;
        foreach (var pending in offer.Offer.Tasks)
        {
            var task = _pool.TaskOf(pending.TaskId);
            if (task.Offer != offer) continue; // removed meanwhile
            task.Offer = null;
            var isGranted = answers.GetValueOrDefault(pending.TaskId, OfferAnswerKind.TryAgain) == OfferAnswerKind.Granted;
            if (!isGranted || !_pool.Nodes[offer.Node].Said.Contains(task.Id)) Holds(task, false); // it may have ended there by now
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
                _inQueue--;
                continue;
            }
            task.RestsUntil = Math.Max(task.RestsUntil, _time.Ticks + SchedulerCore.TryAgainAfter.Ticks);
        }
    }

    /// <summary>
    /// No task that is ready and fits is left where a node has room for it that is kept for nobody (I10). A plain scan of everything, so
    /// only now and then; in a small world after every proposal.
    /// </summary>
    private void CheckProgress()
    {
        Figures.ProgressChecks++;
        foreach (var node in _pool.Nodes)
        {
            if (_offers[node.Number] is not null || _views[node.Number] is not { CanTakeWork: true, IsSettling: false } view || view.Free is not { MilliCores: > 0, MemoryMb: > 0 }) continue;
            if (_core.Pool.Find(node.Id) is { Reservation: not null }) continue;
            var free = ResourceVector.Of(view.Free);
            foreach (var task in _pool.Open)
            {
                if (!task.InQueue || task.Offer is not null || Math.Max(task.HeldUntil, task.RestsUntil) > _time.Ticks) continue;
                if (task.Entry.StartBy is { } by && VirtualClock.TicksAt(by) <= _time.Ticks) continue;
                if (!_pool.Runs(node, task.Shape) || !task.Shape.Size.FitsIn(free)) continue;
                if (!view.AcceptsStrangers && node.Owner != task.User) continue;
                if (view.OthersLeft is 0 && node.Owner != task.User) continue;
                if (_plan.Scheduling.RetryElsewhere > TimeSpan.Zero && LeavesOut(task.Entry, node)) continue;
                if (!MayHoldOne(task)) continue;
                throw _env.Broken("I10", $"{task.Id} waits, and {node.Id} has room for it that is kept for nobody");
            }
        }
    }
}
