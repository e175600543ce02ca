using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// What its worker says. A heartbeat is taken at once from memory, and what follows from it for others is done afterwards, one pass at a time: the worker counts
/// its lease from sending the heartbeat that is answered, so no store and no other grain stands between the two.
/// </summary>
public sealed partial class NodeMachine
{
    /// <summary>Names that one pass asks about. A worker that names what was never its own waits for its next heartbeat with the rest.</summary>
    private const int AskedAtOnce = 64;
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(60);

    private readonly HashSet<AttemptReport> _undecided = []; // named by its worker; whose they are is not known yet
    private readonly HashSet<(string TaskId, int Attempt)> _notOurs = []; // named by its worker; the records say that they are not ours
    private readonly HashSet<string> _toPush = [];
    private readonly HashSet<AttemptReport> _toKill = [];
    private bool _tending, _tendsAgain;

    private bool HasToTend => _undecided.Count + _toPush.Count + _toKill.Count + _owed.Count > 0
        || _held.Attempts.Any(held => held.Phase == HeldPhase.Begun || IsToCheck(held));

    /// <summary>
    /// Answered from memory, by coming back. Aborted STALE_EPOCH when another connection took over, or the lease is being ended. Excludes nothing.
    /// </summary>
    public void Heartbeat(long epoch, object link, IReadOnlyList<AttemptReport> running, NodeUsage usage, Instant now)
    {
        _now = now;
        if (_node is not { HoldsLease: true } node || node.Epoch != epoch || _ending)
            throw HiveMindException.Aborted("STALE_EPOCH", "Another connection of this node, or the end of its lease, made this one stale.");
        _link = link;
        Hear(running, usage);
    }

    /// <summary>What happened to attempts: their programs began, or they ended. Of a stream by its epoch, or by a call of its own (epoch 0). Excludes nothing.</summary>
    public IEnumerable<Effect> Report(long epoch, IReadOnlyList<TaskOutcomeReport> reports, Reply<IReadOnlyList<ReportVerdict>> reply)
    {
        if (_node is null || (epoch != 0 && epoch != _node.Epoch))
        {
            reply.Value = Stale(reports, "STALE_EPOCH", "This connection is stale.");
            yield break;
        }
        foreach (var wait in AskOwner()) yield return wait;
        if (!MayWork)
        {
            reply.Value = Stale(reports, Causes.NodeSuspended, "This node is shut out of the pool.");
            yield break;
        }

        foreach (var report in reports)
            if (report.IsStart && _held.Find(report.TaskId, report.Attempt) is { } held && held.Named(began: true))
                NoteEnd(held);
        var starts = new TellStarts([.. reports.Where(report => report.IsStart).Select(report => new AttemptReport(report.TaskId, report.Attempt, true))]);
        var ends = new RecordEnds([.. reports.Where(report => !report.IsStart).Select(report => report with { HandedBack = _draining || _usage.DiskFull })]);
        if (starts.Started.Count > 0) yield return starts;
        for (var i = 0; i < starts.Started.Count; i++) Told(starts.Started[i], starts.IsCurrent[i]);
        if (ends.Reports.Count > 0) yield return ends;
        for (var i = 0; i < ends.Reports.Count; i++) Ended(ends.Reports[i], ends.Verdicts[i]);
        reply.Value = Verdicts(reports, starts, ends);
        Publish();
    }

    private void Ended(TaskOutcomeReport report, ReportVerdict? verdict)
    {
        if (verdict is null or { Kind: ReportVerdictKind.TryAgain } || _held.Find(report.TaskId, report.Attempt) is not { } held) return;
        var account = held.Assignment.Spec.UserId;
        _held.Release(report.TaskId);
        if (verdict.Kind == ReportVerdictKind.Accepted) NoteOutcome(account, report.Cause);
    }

    private static IReadOnlyList<ReportVerdict> Verdicts(IReadOnlyList<TaskOutcomeReport> reports, TellStarts starts, RecordEnds ends)
    {
        var verdicts = new List<ReportVerdict>(reports.Count);
        var (start, end) = (0, 0);
        foreach (var report in reports)
        {
            var verdict = report.IsStart
                ? starts.IsCurrent[start++] switch
                {
                    null => null,
                    true => new(report.TaskId, report.Attempt, ReportVerdictKind.Accepted, "", ""),
                    false => new(report.TaskId, report.Attempt, ReportVerdictKind.Stale, "STALE_ATTEMPT", ""),
                }
                : ends.Verdicts[end++];
            verdicts.Add(verdict ?? new(report.TaskId, report.Attempt, ReportVerdictKind.TryAgain, "TRY_AGAIN", "The hub could not record it now."));
        }
        return verdicts;
    }

    private static IReadOnlyList<ReportVerdict> Stale(IReadOnlyList<TaskOutcomeReport> reports, string reason, string message) =>
        [.. reports.Select(report => new ReportVerdict(report.TaskId, report.Attempt, ReportVerdictKind.Stale, reason, message))];

    private void Hear(IReadOnlyList<AttemptReport> running, NodeUsage usage)
    {
        _lease.Look(_now.Clock);
        var plan = _held.Reconcile(running, _now.Clock, _policy.HeartbeatInterval, HasSurelyNotBegun);
        foreach (var held in plan.Free) Abandon(held, Causes.NodeLost, true);
        foreach (var held in plan.Gone) AbandonLost(held);
        foreach (var held in plan.Unsure) Abandon(held, _unsure.Remove(held.TaskId) ? Causes.NodeLost : Causes.HubAway, false);
        foreach (var held in plan.Push) held.Pushed(_now.Clock);
        foreach (var held in plan.Begun) NoteEnd(held);
        _lease.Renew(_now.Clock);
        _lastHeartbeat = _now.Wall;
        _usage = usage;

        _toPush.UnionWith(plan.Push.Select(held => held.TaskId));
        _notOurs.IntersectWith(plan.Unknown.Select(report => (report.TaskId, report.Attempt)));
        _undecided.Clear();
        _toKill.Clear();
        _toKill.UnionWith(plan.Kill);
        foreach (var report in plan.Unknown) (_notOurs.Contains((report.TaskId, report.Attempt)) ? _toKill : _undecided).Add(report);

        Publish();
        if (HasToTend) Tend();
    }

    private bool HasSurelyNotBegun(HeldAttempt held) => _node is { } node && held.HasSurelyNotBegun(node.Epoch, _now.Clock, _policy.WorkerLease, _policy.HeartbeatInterval);

    /// <summary>One pass at a time; what comes up meanwhile is for the next.</summary>
    private void Tend()
    {
        _tendsAgain = true;
        if (_tending) return;
        _tending = true;
        _to.Begin(TendAll());
    }

    /// <summary>All that the heartbeats so far ask for: starts told, names looked up, pushes and kills repeated. Excludes nothing.</summary>
    public IEnumerable<Effect> TendNow()
    {
        if (_tending)
        {
            _tendsAgain = true;
            return [];
        }
        (_tending, _tendsAgain) = (true, true);
        return TendAll();
    }

    private IEnumerable<Effect> TendAll()
    {
        try
        {
            while (_tendsAgain)
            {
                _tendsAgain = false;
                foreach (var wait in PushAgain()) yield return wait;
                while (_undecided.Count > 0)
                {
                    var looked = new Looked();
                    foreach (var wait in LookUp([.. _undecided.Take(AskedAtOnce)], looked)) yield return wait;
                    if (!looked.AreOurs) break;
                }
                KillUnwanted();
                foreach (var wait in TellStarts()) yield return wait;
                foreach (var wait in CheckHeld()) yield return wait;
                foreach (var wait in PayOwed()) yield return wait;
                KillUnwanted();
                Publish();
            }
        }
        finally
        {
            _tending = false;
        }
    }

    /// <summary>What its worker never named, if its record still says so: it may have ended while it was claimed here.</summary>
    private IEnumerable<Effect> PushAgain()
    {
        if (_toPush.Count == 0) yield break;
        AttemptReport[] due = [.. _toPush.Select(id => _held.Find(id)).OfType<HeldAttempt>().Where(held => held.Phase == HeldPhase.Pushed).Select(held => new AttemptReport(held.TaskId, held.Attempt, false))];
        _toPush.Clear();
        if (due.Length == 0) yield break;
        var asked = new ExamineTasks(due);
        yield return asked;
        // Asking took its time: what may have begun by now is not pushed under this number any more.
        List<TaskAssignment> push = [];
        for (var i = 0; i < due.Length; i++)
        {
            // Not known: the next heartbeat asks again. Named, dropped or gone meanwhile: decided otherwise.
            if (asked.Answers[i] is not { } answer || _held.Find(due[i].TaskId, due[i].Attempt) is not { Phase: HeldPhase.Pushed } held) continue;
            if (!IsOurs(answer, due[i])) _held.Release(due[i].TaskId);
            else if (HasSurelyNotBegun(held) && _link is not null)
            {
                held.Pushed(_now.Clock, again: true);
                push.Add(held.Assignment);
            }
        }
        if (_link is { } link && push.Count > 0) _to.Push(link, push);
    }

    /// <summary>
    /// What its worker names and this activation does not know: kept when the task's record says it is ours, whether there is room or not; killed
    /// when it says it is not. What could not be asked is neither: it is asked about again, and nothing new is taken until then.
    /// </summary>
    private IEnumerable<Effect> LookUp(IReadOnlyList<AttemptReport> unknown, Looked looked)
    {
        // The index first: it has every open task, and an id that it does not have wakes nobody.
        var index = new FindOpen([.. unknown.Select(report => report.TaskId).Where(TaskIds.IsValid)]);
        yield return index;
        if (index.Found is not { } open) yield break;
        AttemptReport[] known = [.. unknown.Where(report => open.ContainsKey(report.TaskId))];
        var asked = new ExamineTasks(known);
        if (known.Length > 0) yield return asked;
        looked.IsWhole = looked.AreOurs = true;
        for (var i = 0; i < known.Length; i++)
        {
            if (asked.Answers[i] is { } answer) Decide(known[i], answer, looked);
            else looked.IsWhole = looked.AreOurs = false;
        }
        foreach (var report in unknown)
            if (!open.ContainsKey(report.TaskId)) Decide(report, null, looked);
    }

    private void Decide(AttemptReport report, TaskExamination? record, Looked looked)
    {
        var isNews = _undecided.Remove(report);
        var isOurs = record is not null && IsOurs(record, report);
        looked.AreOurs &= isOurs;
        if (isOurs && _held.Find(report.TaskId) is null) Adopt(record!.Assignment!, report);
        if (isOurs || !isNews) return;
        _notOurs.Add((report.TaskId, report.Attempt));
        _toKill.Add(report);
    }

    private void KillUnwanted()
    {
        if (_link is not { } link) return;
        foreach (var report in _toKill) _to.Kill(link, report.TaskId, report.Attempt, "NOT_WANTED");
        _toKill.Clear();
    }

    /// <summary>Told until it is confirmed, with every heartbeat and every look at the clock.</summary>
    private IEnumerable<Effect> TellStarts()
    {
        AttemptReport[] begun = [.. _held.Attempts.Where(held => held.Phase == HeldPhase.Begun).Select(held => new AttemptReport(held.TaskId, held.Attempt, true))];
        if (begun.Length == 0) yield break;
        var tell = new TellStarts(begun);
        yield return tell;
        for (var i = 0; i < begun.Length; i++) Told(begun[i], tell.IsCurrent[i]);
    }

    /// <summary>A task that does not know this attempt has ended otherwise, and the word of it got lost: it is dropped here.</summary>
    private void Told(AttemptReport start, bool? isCurrent)
    {
        if (isCurrent is null || _held.Find(start.TaskId, start.Attempt) is not { } held) return;
        if (isCurrent.Value) held.Told();
        else DropHere(held);
    }

    /// <summary>
    /// What is held is compared with the index about once a minute: a task that was cancelled or ended while the word to drop it got lost has no entry any
    /// more, or another node's mark. One read for all; only what differs is asked about.
    /// </summary>
    private IEnumerable<Effect> CheckHeld()
    {
        AttemptReport[] due = [.. _held.Attempts.Where(IsToCheck).Select(held => new AttemptReport(held.TaskId, held.Attempt, false))];
        if (due.Length == 0) yield break;
        var index = new FindOpen([.. due.Select(report => report.TaskId)]);
        yield return index;
        if (index.Found is not { } open) yield break;
        AttemptReport[] differing = [.. due.Where(report => open.GetValueOrDefault(report.TaskId) != _id)];
        var asked = new ExamineTasks(differing);
        if (differing.Length > 0) yield return asked;
        for (var i = 0; i < differing.Length; i++)
            if (asked.Answers[i] is { } answer && !IsOurs(answer, differing[i]) && _held.Find(differing[i].TaskId, differing[i].Attempt) is { } held)
                DropHere(held);
        foreach (var report in due)
            if (_held.Find(report.TaskId, report.Attempt) is { } held) held.CheckedAt = _now.Clock;
    }

    private bool IsToCheck(HeldAttempt held) => !held.IsDropped && _now.Since(held.CheckedAt) >= CheckEvery;

    /// <summary>Its room stays taken until its worker names it no more; each heartbeat that still does has it killed again.</summary>
    private void DropHere(HeldAttempt held)
    {
        if (held.IsDropped) return;
        _to.Happened(new NodeEvent.Unwanted(held.TaskId, held.Attempt));
        held.Drop();
        _toKill.Add(new(held.TaskId, held.Attempt, true));
    }

    private bool IsOurs(TaskExamination record, AttemptReport report) =>
        record.Kind == TaskExaminationKind.OnNode && record.NodeId == _id && record.Assignment!.Attempt == report.Attempt;

    /// <summary>What came of a look at the records.</summary>
    private sealed class Looked
    {
        /// <summary>Every one was decided.</summary>
        public bool IsWhole { get; set; }
        /// <summary>And every one was this node's.</summary>
        public bool AreOurs { get; set; }
    }
}
