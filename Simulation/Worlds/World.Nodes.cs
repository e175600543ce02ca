using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Simulation;

/// <summary>What a machine says on its stream, or when it opens one.</summary>
internal sealed record BeatMessage(int Node, int Life, long Epoch, IReadOnlyList<AttemptReport> Running, long SentAt);

/// <summary>A report on a stream (its epoch) or by a call of its own (epoch 0).</summary>
internal sealed record ReportMessage(int Node, int Life, long Epoch, TaskOutcomeReport Report);

/// <summary>What `NodeGrain` does, on the same rules, with its awaits as events: between two of them anything may happen.</summary>
internal sealed partial class World
{
    private static readonly long VerdictEvery = Ticks.Second, CheckHeldEvery = Ticks.Minute;

    private void OfferArrives(OfferOnItsWay offer)
    {
        var node = _nodes[offer.Node];
        foreach (var task in offer.Offer.Tasks)
        {
            if (node is { CanTakeWork: true, IsSettling: false } && (task.UserId == node.OwnerId || node.OthersLeft is not 0) && Reserve(node, Running(task))) offer.Reserved.Add(task);
            else offer.Answers.Add(new(task.TaskId, OfferAnswerKind.NoRoom));
        }
        if (offer.Reserved.Count == 0)
        {
            Answer(offer, node);
            return;
        }
        (offer.Activation, offer.Epoch) = (node.Activation, node.Epoch);
        foreach (var task in offer.Reserved) node.Unsure.Remove(task.TaskId);
        if (WriteFails())
        {
            foreach (var task in offer.Reserved) Release(node, task.TaskId);
            offer.Answers.Clear();
            foreach (var task in offer.Offer.Tasks) offer.Answers.Add(new(task.TaskId, OfferAnswerKind.TryAgain));
            Answer(offer, node);
            return;
        }
        offer.Grants = new GrantResult?[offer.Reserved.Count];
        offer.GrantsMissing = offer.Reserved.Count;
        for (var i = 0; i < offer.Reserved.Count; i++)
        {
            var task = TaskOf(offer.Reserved[i].TaskId);
            task.Mark = node.Number;
            Call(EventKind.Grant, task.Number, i, offer);
        }
    }

    private void OfferConcludes(OfferOnItsWay offer)
    {
        var node = _nodes[offer.Node];
        if (node.Activation != offer.Activation)
        {
            if (!offer.AnswerLost) Later(Delay(), EventKind.OfferFailed, offer.Node, 0, offer); // the call died with the activation
            return;
        }
        List<TaskAssignment>? push = null;
        for (var i = 0; i < offer.Reserved.Count; i++)
        {
            var id = offer.Reserved[i].TaskId;
            var result = offer.Grants[i];
            if (result?.Assignment is not { } assignment)
            {
                Release(node, id);
                if (result is null) node.Unsure.Add(id);
                offer.Answers.Add(new(id, result is null ? OfferAnswerKind.TryAgain : OfferAnswerKind.NotPending));
                continue;
            }
            offer.Answers.Add(new(id, OfferAnswerKind.Granted));
            var attempt = new WantedAttempt(assignment, _clock.Ticks) { GrantedAt = _clock.Ticks, Epoch = offer.Epoch, HeardBefore = node.Lease.RenewedAt };
            if (!node.HoldsLease || node.Epoch != offer.Epoch || node.IsWithheld)
            {
                Abandon(node, attempt, Causes.NodeLost, false);
                continue;
            }
            node.Wanted[id] = attempt;
            NoteEnd(node, attempt);
            (push ??= []).Add(assignment);
        }
        if (node.Owed.Count > 0) PayOwed(node);
        if (node.HasLink && push is not null) Push(node, EventKind.AssignArrives, push);
        Answer(offer, node);
    }

    private void Answer(OfferOnItsWay offer, SimNode node)
    {
        if (offer.AnswerLost) return;
        offer.Result = new OfferResult(offer.Answers, View(node));
        Later(Delay(), EventKind.OfferAnswered, node.Number, 0, offer);
    }

    private void ConnectArrives(BeatMessage hello)
    {
        var node = _nodes[hello.Node];
        if (!node.Registered) return;
        JudgeLease(node);
        node.Epoch++;
        node.HoldsLease = node.HasLink = true;
        node.Draining = node.IsSilent = false;
        node.Room.Resize(node.Capabilities);
        TakeHeartbeat(node, hello.Running);
        WatchLease(node);
        Send(EventKind.Welcome, node.Number, hello.Life, hello with { Epoch = node.Epoch });
    }

    private void HeartbeatArrives(BeatMessage beat)
    {
        var node = _nodes[beat.Node];
        CheckLoad(node);
        if (!node.HoldsLease || node.Epoch != beat.Epoch)
        {
            Send(EventKind.BeatAnswered, node.Number, beat.Life, beat with { SentAt = -1 });
            return;
        }
        node.HasLink = true;
        Send(EventKind.BeatAnswered, node.Number, beat.Life, beat);
        TakeHeartbeat(node, beat.Running);
    }

    private void TakeHeartbeat(SimNode node, IReadOnlyList<AttemptReport> running)
    {
        var plan = WantedSet.Reconcile(node.Wanted, running, pushedAt => _clock.Ticks - pushedAt >= _plan.Heartbeat, attempt => HasSurelyNotBegun(node, attempt));
        foreach (var attempt in plan.Update) node.Wanted[attempt.TaskId] = attempt;
        foreach (var attempt in plan.Free) Abandon(node, attempt, Causes.NodeLost, true);
        foreach (var attempt in plan.Gone) AbandonLost(node, attempt);
        foreach (var attempt in plan.Unsure) Abandon(node, attempt, node.Unsure.Remove(attempt.TaskId) ? Causes.NodeLost : Causes.HubAway, false);
        foreach (var attempt in plan.Push) node.Wanted[attempt.TaskId] = attempt with { PushedAt = _clock.Ticks };
        node.RenewLease();
        node.Undecided.Clear();
        node.Undecided.UnionWith(plan.Unknown);
        if (node.HasLink)
        {
            foreach (var attempt in plan.Kill) Push(node, EventKind.KillArrives, attempt);
        }
        foreach (var report in running)
        {
            if (!report.Started || !node.Wanted.TryGetValue(report.TaskId, out var held) || held.Attempt != report.Attempt) continue;
            if (node.Started.Contains((report.TaskId, report.Attempt)) || AskFails()) continue; // the next heartbeat says it again
            NoteEnd(node, held);
            TellStart(node, report);
        }
        if (node.Owed.Count > 0) PayOwed(node);
        if (plan.Unknown.Count + plan.Push.Count > 0) Later(Delay(), EventKind.LookUp, node.Number, node.Activation, plan);
        else Publish(node);
    }

    /// <summary>The records have been asked: about what the worker names and the node does not know, and what it wants and the worker never named.</summary>
    private void LookUp(SimNode node, int activation, Reconciliation plan)
    {
        if (node.Activation != activation) return;
        List<TaskAssignment>? push = null;
        foreach (var attempt in plan.Push)
        {
            if (!node.Wanted.TryGetValue(attempt.TaskId, out var held) || held.Attempt != attempt.Attempt || held.Dropped || AskFails()) continue;
            if (!IsOurs(node, TaskOf(attempt.TaskId), attempt.Attempt)) Release(node, attempt.TaskId);
            else if (node.HasLink && HasSurelyNotBegun(node, held))
            {
                node.Wanted[attempt.TaskId] = held with { IsPushedAgain = true };
                (push ??= []).Add(attempt.Assignment);
            }
        }
        if (push is not null) Push(node, EventKind.AssignArrives, push);
        foreach (var report in plan.Unknown)
        {
            if (AskFails()) continue; // not known is not unwanted: nothing new is taken until it is
            var task = TaskOf(report.TaskId);
            var isNews = node.Undecided.Remove(report);
            if (IsOurs(node, task, report.Attempt))
            {
                if (!node.Wanted.ContainsKey(task.Id)) Adopt(node, Assignment(task), true);
            }
            else if (isNews && node.HasLink)
            {
                Push(node, EventKind.KillArrives, report);
            }
        }
        Publish(node);
    }

    private bool AskFails() => !_ending && _chance.Chance(_plan.AskFails);

    private bool HasSurelyNotBegun(SimNode node, WantedAttempt attempt) => attempt.HasSurelyNotBegun(
        node.Epoch, TimeSpan.FromTicks(_clock.Ticks - attempt.HeardBefore), TimeSpan.FromTicks(_plan.WorkerLease), TimeSpan.FromTicks(_plan.Heartbeat));

    /// <summary>Ticked off when the task knows it; one that does not know this attempt has ended otherwise.</summary>
    private void TellStart(SimNode node, AttemptReport report)
    {
        Started(TaskOf(report.TaskId), node, report.Attempt);
        if (IsOurs(node, TaskOf(report.TaskId), report.Attempt)) node.Started.Add((report.TaskId, report.Attempt));
        else if (node.Wanted.TryGetValue(report.TaskId, out var held) && held.Attempt == report.Attempt) node.Wanted[report.TaskId] = held with { Dropped = true };
    }

    /// <summary>About once a minute what is held is compared with the index and the records.</summary>
    private void CheckHeld(SimNode node)
    {
        foreach (var held in node.Wanted.Values.Where(attempt => !attempt.Dropped).ToList())
            if (!AskFails() && !IsOurs(node, TaskOf(held.TaskId), held.Attempt)) node.Wanted[held.TaskId] = held with { Dropped = true };
        Later(CheckHeldEvery, EventKind.CheckHeld, node.Number);
    }

    private static bool IsOurs(SimNode node, SimTask task, int attempt) =>
        task.Record is { Current: { } current } && current.NodeId == node.Id && current.Number == attempt;

    private void DisconnectArrives(SimNode node, long epoch)
    {
        if (node.Epoch != epoch) return;
        node.HasLink = false;
        Publish(node);
    }

    private void DrainArrives(SimNode node, long epoch)
    {
        if (node.Epoch != epoch) return;
        node.Draining = true;
        Publish(node);
    }

    private void DropArrives(SimNode node, SimTask task, int attempt)
    {
        if (!node.Wanted.TryGetValue(task.Id, out var held) || held.Attempt != attempt) return;
        node.Wanted[task.Id] = held with { Dropped = true };
        if (node.HasLink) Push(node, EventKind.KillArrives, new AttemptReport(task.Id, attempt, false));
    }

    private void ReportArrives(ReportMessage message)
    {
        var (node, report) = (_nodes[message.Node], message.Report);
        var task = TaskOf(report.TaskId);
        var verdict = ReportVerdictKind.Stale;
        if (node.Registered && (message.Epoch == 0 || message.Epoch == node.Epoch))
        {
            if (report.IsStart)
            {
                if (node.Wanted.TryGetValue(task.Id, out var held) && held.Attempt == report.Attempt)
                {
                    node.Wanted[task.Id] = held with { Seen = true };
                    if (!node.Started.Contains((task.Id, report.Attempt))) NoteEnd(node, held);
                }
                TellStart(node, new(task.Id, report.Attempt, true));
                verdict = ReportVerdictKind.Accepted;
            }
            else
            {
                verdict = End(task, node, report with { HandedBack = node.Draining });
                if (verdict != ReportVerdictKind.TryAgain && node.Wanted.TryGetValue(task.Id, out var ended) && ended.Attempt == report.Attempt)
                {
                    Release(node, task.Id);
                    if (verdict == ReportVerdictKind.Accepted && report.Cause == Causes.Completed && task.Born.UserId != node.OwnerId) node.SlowStart.Succeeded(node.Capabilities);
                    if (verdict == ReportVerdictKind.Accepted && !node.Draining && FailureStreak.IsMachinesOwn(report.Cause)) node.SlowStart.Failed();
                    if (verdict == ReportVerdictKind.Accepted && !node.Draining && node.Streak.Ended(task.Born.UserId, report.Cause, _now))
                    {
                        Figures.PutAside++;
                        Later((node.Streak.Until!.Value - _now).Ticks, EventKind.NodeTick, node.Number, node.Activation);
                    }
                }
            }
            Publish(node);
        }
        else if (!report.IsStart)
        {
            Refused();
        }
        if (!report.IsStart) Send(EventKind.VerdictArrives, node.Number, message.Life, new VerdictMessage(message, verdict));
    }

    private bool Claims(SimNode node, TaskAssignment assignment)
    {
        JudgeLease(node);
        if (!node.HoldsLease && !IsKept(node, assignment)) return false;
        if (node.Wanted.TryGetValue(assignment.TaskId, out var held)) return held.Attempt == assignment.Attempt;
        if (!node.Room.Holds(assignment.TaskId)) Adopt(node, assignment, false);
        WatchLease(node);
        return true;
    }

    private void Adopt(SimNode node, TaskAssignment assignment, bool seen)
    {
        var spec = assignment.Spec;
        if (node.Room.Holds(assignment.TaskId)) return;
        HoldRoom(node, new(assignment.TaskId, spec.UserId, spec.Priority, spec.Resources, EndsBy(assignment.RunTimeout)));
        node.Wanted[assignment.TaskId] = new(assignment, 0) { Seen = seen };
        Figures.Adopted++;
    }

    // ------------------------------------------------------------ lease

    private void WatchLease(SimNode node)
    {
        if (node.LeaseWatched || (!node.HoldsLease && node.Wanted.Count == 0)) return;
        node.LeaseWatched = true;
        Later((node.HoldsLease ? Math.Max(0, node.LeaseUntil - _clock.Ticks) : VerdictEvery) + _chance.Below((int)VerdictEvery), EventKind.LeaseRunsOut, node.Number);
    }

    private void LeaseRunsOut(SimNode node)
    {
        node.LeaseWatched = false;
        JudgeLease(node);
        WatchLease(node);
    }

    private void JudgeLease(SimNode node)
    {
        if (node.HoldsLease && node.Lease.IsExpired) EndLease(node, Causes.NodeLost);
        if (!node.HoldsLease) EndKept(node);
    }

    private bool IsOver(SimNode node, TaskSpec spec) => _clock.Ticks - node.Lease.RenewedAt >= LeaseOf(spec);

    private long LeaseOf(TaskSpec spec) => TaskLease.OfHub(spec.Lease, TimeSpan.FromTicks(_plan.WorkerLease), TimeSpan.FromTicks(_plan.Lease)).Ticks;

    private bool IsKept(SimNode node, TaskAssignment assignment) =>
        node is { Registered: true, IsSilent: true } && TaskLease.Outlasts(assignment.Spec.Lease, TimeSpan.FromTicks(_plan.WorkerLease)) && !IsOver(node, assignment.Spec);

    /// <summary>Kept for longer than its node's lease; no longer.</summary>
    private void EndKept(SimNode node)
    {
        var over = node.Wanted.Values.Where(attempt => IsOver(node, attempt.Assignment.Spec)).ToList();
        if (over.Count == 0) return;
        foreach (var attempt in over) AbandonLost(node, attempt);
        PayOwed(node);
    }

    private void EndLease(SimNode node, string cause)
    {
        node.Epoch++;
        node.HoldsLease = node.HasLink = false;
        if (cause == Causes.NodeLost && node.Room.CountBeside(node.OwnerId) > 0) node.SlowStart.Failed();
        node.IsSilent = cause == Causes.NodeLost;
        foreach (var attempt in node.Wanted.Values.ToList())
        {
            if (cause == Causes.NodeLost && !IsOver(node, attempt.Assignment.Spec)) Figures.Kept++;
            else if (cause == Causes.NodeLost) AbandonLost(node, attempt);
            else Abandon(node, attempt, cause, false);
        }
        node.Undecided.Clear();
        Publish(node);
        PayOwed(node);
    }

    private void AbandonLost(SimNode node, WantedAttempt attempt)
    {
        if (node.Lease.BlamesNode(attempt.GrantedAt)) Abandon(node, attempt, Causes.NodeLost, true);
        else Abandon(node, attempt, Causes.HubAway, false);
    }

    private void Abandon(SimNode node, WantedAttempt attempt, string cause, bool counts)
    {
        Release(node, attempt.TaskId);
        if (attempt.TakenBackAs.Length > 0) Owe(node, attempt, attempt.TakenBackAs, false);
        else if (!attempt.Dropped) Owe(node, attempt, cause, counts);
    }

    private void Owe(SimNode node, WantedAttempt attempt, string cause, bool counts) =>
        node.Owed.Add(new(TaskOf(attempt.TaskId).Number, node.Number, attempt.Attempt, cause, counts));

    /// <summary>Nothing new for it; what runs may finish, or is taken back at a deadline.</summary>
    private void Cordon(SimNode node, long patience)
    {
        node.Cordoned = true;
        node.DrainDeadline = patience < 0 ? 0 : _clock.Ticks + patience;
        Publish(node);
        if (patience >= 0) Later(patience, EventKind.NodeTick, node.Number, node.Activation);
    }

    private void Uncordon(SimNode node)
    {
        node.Cordoned = false;
        node.DrainDeadline = 0;
        node.Streak.Forget();
        Publish(node);
    }

    /// <summary>Once a second in the product; here when there is something that it would do.</summary>
    private void NodeTick(SimNode node, int activation)
    {
        if (!node.Registered || node.Activation != activation) return;
        if (node.DrainDeadline > 0 && _clock.Ticks >= node.DrainDeadline) TakeBack(node);
        var waits = false;
        foreach (var kept in node.Wanted.Values.Where(attempt => attempt.TakenBackAs.Length > 0).ToList())
        {
            waits = true;
            if (_clock.Ticks - kept.TakenBackAt < _plan.Lease || !node.HoldsLease) continue;
            node.Wanted[kept.TaskId] = kept with { TakenBackAs = "" };
            Owe(node, kept, kept.TakenBackAs, false);
        }
        if (node.Owed.Count > 0) PayOwed(node);
        if (waits) Later(VerdictEvery, EventKind.NodeTick, node.Number, activation);
        Publish(node);
    }

    /// <summary>Killed at the worker first: the task is told when the worker names its attempt no more, or after a lease.</summary>
    private void TakeBack(SimNode node)
    {
        foreach (var attempt in node.Wanted.Values.Where(attempt => !attempt.Dropped).ToList())
        {
            Figures.TakenBack++;
            node.Wanted[attempt.TaskId] = attempt with { Dropped = true, TakenBackAs = Causes.Drained, TakenBackAt = _clock.Ticks };
            if (node.HasLink) Push(node, EventKind.KillArrives, new AttemptReport(attempt.TaskId, attempt.Attempt, false));
        }
    }

    /// <summary>Each task is told that its attempt is lost; what fails is told again with the next tick.</summary>
    private void PayOwed(SimNode node)
    {
        var due = node.Owed.ToList();
        node.Owed.Clear();
        foreach (var lost in due)
        {
            if (!_ending && _chance.Chance(_plan.Lost)) node.Owed.Add(lost);
            else Later(Delay(), EventKind.AttemptLost, lost.Task, lost.Node, lost);
        }
        if (node.Owed.Count > 0) Later(VerdictEvery, EventKind.OwedAgain, node.Number, node.Activation);
    }

    private void OwedAgain(SimNode node, int activation)
    {
        if (node.Activation == activation && node.Owed.Count > 0) PayOwed(node);
    }

    private void NodeGrainLost()
    {
        var node = _nodes[_chance.Below(_nodes.Length)];
        if (node.Registered)
        {
            Figures.NodeGrainsLost++;
            Restart(node);
        }
        FaultAgain(EventKind.NodeGrainLost, _plan.NodeGrainLosses);
    }

    private void Restart(SimNode node)
    {
        node.Reactivate();
        WatchLease(node);
        if (node.DrainDeadline > 0) Later(VerdictEvery, EventKind.NodeTick, node.Number, node.Activation);
    }

    // ------------------------------------------------------------ helpers

    private void Push(SimNode node, EventKind kind, object body) => Send(kind, node.Number, node.Machine.Life, body);

    private void Publish(SimNode node) => Send(EventKind.ViewArrives, node.Number, 0, View(node));

    private NodeView? View(SimNode node)
    {
        if (!node.HoldsLease) return null;
        var free = node.Room.Free;
        CheckRoom(node, free);
        return new(node.Id, node.OwnerId, node.Capabilities.AcceptsStrangers, node.Capabilities.SupportedTasks, node.Room.Total, free, node.CanTakeWork, ++node.ViewVersion)
        {
            Labels = node.Labels, Running = node.Room.Running, Epoch = node.Epoch, Activation = $"{node.Activation}", IsSettling = node.IsSettling, OthersLeft = node.OthersLeft,
        };
    }

    private RunningTask Running(PendingTask task) => new(task.TaskId, task.UserId, task.Priority, task.Resources, EndsBy(task.RunTimeout));

    private void NoteEnd(SimNode node, WantedAttempt attempt) => node.Room.SetEnd(attempt.TaskId, EndsBy(attempt.Assignment.RunTimeout));

    private DateTimeOffset EndsBy(TimeSpan limit) => _now + (limit > TimeSpan.Zero ? limit : TimeSpan.FromHours(1));

    private void Release(SimNode node, string taskId)
    {
        if (node.Wanted.Remove(taskId, out var attempt)) node.Started.Remove((taskId, attempt.Attempt));
        FreeRoom(node, taskId);
    }
}

internal sealed record VerdictMessage(ReportMessage Of, ReportVerdictKind Verdict);
