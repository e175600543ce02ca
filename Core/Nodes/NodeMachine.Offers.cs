using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>What it takes: offers of the scheduler, and what the records say is its own.</summary>
public sealed partial class NodeMachine
{
    private readonly HashSet<string> _unsure = []; // granted here, perhaps: the answer got lost, and nothing was pushed

    /// <summary>Reserved before anything is waited for, marked, granted by each task, pushed in one frame. Excludes nothing.</summary>
    public IEnumerable<Effect> Offer(IReadOnlyList<TaskOffer> offers, Reply<OfferResult> reply)
    {
        var answers = new List<OfferAnswer>(offers.Count);
        var reserved = new List<PendingTask>(offers.Count);
        foreach (var offer in offers)
        {
            if (CanTakeWork && !IsSettling && MayTake(offer.Task.UserId) && _held.TryReserve(Running(offer.Task))) reserved.Add(offer.Task);
            else answers.Add(new(offer.Task.TaskId, OfferAnswerKind.NoRoom));
        }

        if (reserved.Count > 0)
        {
            var (owner, epoch) = (_node!.OwnerId, _node.Epoch);
            _unsure.ExceptWith(reserved.Select(task => task.TaskId));
            var open = reserved.Count; // those that are neither granted nor released yet
            try
            {
                var mark = new MarkTasks([.. reserved.Select(task => task.TaskId)]);
                yield return mark;
                if (mark.IsMarked && _node is not null) // it may have been removed meanwhile
                {
                    var grants = new AskGrants(reserved, owner, epoch);
                    yield return grants;
                    open = 0;
                    foreach (var wait in Grant(grants, answers)) yield return wait;
                }
                else
                {
                    answers = [.. offers.Select(offer => new OfferAnswer(offer.Task.TaskId, OfferAnswerKind.TryAgain))];
                }
            }
            finally
            {
                if (open > 0)
                    foreach (var task in reserved) _held.Release(task.TaskId);
            }
        }

        reply.Value = new(answers, View());
    }

    /// <summary>What their tasks have answered.</summary>
    private IEnumerable<Effect> Grant(AskGrants grants, List<OfferAnswer> answers)
    {
        var push = new List<HeldAttempt>(grants.Tasks.Count);
        for (var i = 0; i < grants.Tasks.Count; i++)
        {
            var (task, result) = (grants.Tasks[i], grants.Answers[i]);
            answers.Add(new(task.TaskId, result switch
            {
                null or { Refusal: GrantResult.AccountInactive } => OfferAnswerKind.TryAgain, // the closing account's next pass, or its return, decides
                { Assignment: not null } => OfferAnswerKind.Granted,
                { Refusal: GrantResult.NoCredit } => OfferAnswerKind.NoCredit,
                _ => OfferAnswerKind.NotPending,
            }));
            if (result?.Assignment is { } assignment && _held.Grant(assignment, _now.Clock, grants.Epoch, _lease.RenewedAt) is { } held)
            {
                // Whoever cordoned it meanwhile was told that nothing new comes. Never handed over: it costs the task nothing.
                if (_node is not { HoldsLease: true } node || node.Epoch != grants.Epoch || _ending || Withheld.Length > 0) Abandon(held, Causes.NodeLost, false);
                else push.Add(held);
                continue;
            }
            if (result is null) _unsure.Add(task.TaskId); // the mark in the index lets the sweeper find out
            _held.Release(task.TaskId);
        }
        foreach (var held in push) NoteEnd(held);
        if (_link is { } link && push.Count > 0) _to.Push(link, [.. push.Select(held => held.Assignment)]);
        return PayOwed();
    }

    /// <summary>The sweeper found this attempt on record as this node's. True: held, or not yet decided. False: the node is lost to it.</summary>
    public IEnumerable<Effect> Claim(AttemptClaim claim, Reply<bool> reply)
    {
        foreach (var wait in JudgeLease()) yield return wait;
        reply.Value = false;
        if (_node is not { HoldsLease: true } && !IsKept(claim.Assignment)) yield break;
        if (_node is { HoldsLease: false })
            foreach (var wait in EnsureReminder()) yield return wait;
        if (_held.Find(claim.TaskId) is { } held)
        {
            reply.Value = held.Attempt == claim.Attempt;
            yield break;
        }
        if (!_held.Holds(claim.TaskId)) Adopt(claim.Assignment, null); // else it is being granted just now
        reply.Value = true;
    }

    /// <summary>The attempt ended otherwise: killed at its worker, its room free when it is gone. Excludes nothing.</summary>
    public void Drop(string taskId, int attempt, string reason, Instant now)
    {
        _now = now;
        if (_held.Find(taskId, attempt) is not { } held) return;
        held.Drop();
        if (_link is { } link) _to.Kill(link, taskId, attempt, reason);
    }

    /// <summary>What that attempt runs; Aborted STALE_ATTEMPT when it is not this node's now. Excludes nothing.</summary>
    public IEnumerable<Effect> CheckAttempt(string taskId, int attempt, Reply<TaskSpec> reply)
    {
        if (!MayWork) throw HiveMindException.Unauthenticated();
        // A fresh activation has not heard the worker's heartbeat yet: the task's record knows what it does not.
        if (_held.Find(taskId) is null)
        {
            var looked = new Looked();
            foreach (var wait in LookUp([new AttemptReport(taskId, attempt, false)], looked)) yield return wait;
            if (!looked.IsWhole) throw HiveMindException.Unavailable("STORE_UNAVAILABLE", $"Whose attempt {attempt} of task {taskId} is cannot be read now; try again.");
        }
        if (_held.Find(taskId, attempt) is not { IsDropped: false } held)
            throw HiveMindException.Aborted("STALE_ATTEMPT", $"Attempt {attempt} of task {taskId} is not this node's now.");
        reply.Value = held.Assignment.Spec;
    }

    private void Adopt(TaskAssignment assignment, AttemptReport? named)
    {
        if (!_held.Adopt(assignment, Running(assignment), _now.Clock, named)) return;
        _to.Happened(new NodeEvent.Adopted(assignment.TaskId, assignment.Attempt));
    }
}
