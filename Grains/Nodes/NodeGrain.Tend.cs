using System.Diagnostics;
using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// What a heartbeat says, taken at once from memory; and what follows from it for others, done afterwards. The worker counts its lease from
/// sending the heartbeat that is answered, so no store and no other grain stands between the two.
/// </summary>
public sealed partial class NodeGrain
{
    /// <summary>Names that one pass asks about. A worker that names what was never its own waits for its next heartbeat with the rest.</summary>
    private const int AskedAtOnce = 64;
    private static readonly TimeSpan CheckEvery = TimeSpan.FromSeconds(60);

    private readonly HashSet<AttemptReport> _undecided = []; // named by its worker; whose they are is not known yet
    private readonly HashSet<(string TaskId, int Attempt)> _notOurs = []; // named by its worker; the records say that they are not ours
    private readonly HashSet<string> _unsure = []; // granted here, perhaps: the answer got lost, and nothing was pushed
    private readonly HashSet<string> _toPush = [];
    private readonly HashSet<AttemptReport> _toKill = [];
    private readonly HashSet<(string TaskId, int Attempt)> _toTell = []; // begun
    private SharedPass? _tending;

    private bool HasToTend => _undecided.Count + _toPush.Count + _toKill.Count + _toTell.Count + _owed.Count > 0 || IsToCheck;
    private bool IsToCheck => _wanted.Values.Any(IsDue);

    /// <summary>Ends with a pass that began after the call, so with all that was heard before it.</summary>
    public Task Tend() => (_tending ??= new SharedPass(TendOnce)).Run();

    private void Hear(IReadOnlyList<AttemptReport> running, NodeUsage usage)
    {
        _lease.Look();
        var plan = WantedSet.Reconcile(_wanted, running, pushedAt => time.GetElapsedTime(pushedAt) >= Limits.HeartbeatInterval, HasSurelyNotBegun);
        foreach (var attempt in plan.Update) _wanted[attempt.TaskId] = attempt;
        foreach (var attempt in plan.Free) Abandon(attempt, Causes.NodeLost, true);
        foreach (var attempt in plan.Gone) AbandonLost(attempt);
        foreach (var attempt in plan.Unsure) Abandon(attempt, _unsure.Contains(attempt.TaskId) ? Causes.NodeLost : Causes.HubAway, false);
        _unsure.ExceptWith(plan.Unsure.Select(attempt => attempt.TaskId));
        foreach (var attempt in plan.Push) _wanted[attempt.TaskId] = attempt with { PushedAt = time.GetTimestamp() };
        _lease.Renew();
        _lastHeartbeat = time.GetUtcNow();
        _usage = usage;

        _toPush.UnionWith(plan.Push.Select(attempt => attempt.TaskId));
        _notOurs.IntersectWith(plan.Unknown.Select(report => (report.TaskId, report.Attempt)));
        _undecided.Clear();
        _toKill.Clear();
        _toKill.UnionWith(plan.Kill);
        foreach (var report in plan.Unknown) (_notOurs.Contains((report.TaskId, report.Attempt)) ? _toKill : _undecided).Add(report);
        foreach (var report in running)
        {
            if (!report.Started || !_wanted.TryGetValue(report.TaskId, out var held) || held.Attempt != report.Attempt) continue;
            if (_started.Contains((report.TaskId, report.Attempt)) || !_toTell.Add((report.TaskId, report.Attempt))) continue;
            NoteEnd(held);
        }

        Publish();
        if (HasToTend) _ = Tend();
    }

    private bool HasSurelyNotBegun(WantedAttempt attempt) => attempt.HasSurelyNotBegun(
        _node!.Epoch, time.GetElapsedTime(attempt.HeardBefore), Limits.HeartbeatTimeout, Limits.HeartbeatInterval);

    private async Task TendOnce()
    {
        Activity.Current = null; // one pass serves many: it is no part of one task's trace
        try
        {
            await PushAgain();
            await Decide();
            await KillUnwanted();
            await TellStarts();
            await CheckHeld();
            if (_owed.Count > 0) await PayOwed();
        }
        catch (Exception error)
        {
            LogNotTended(error, Id); // the next heartbeat or tick does it again
        }

        Publish();
    }

    /// <summary>What its worker never named, if its record still says so: it may have ended while it was claimed here.</summary>
    private async Task PushAgain()
    {
        if (_toPush.Count == 0) return;
        var due = _toPush.Where(_wanted.ContainsKey).Select(id => _wanted[id]).Where(attempt => !attempt.Dropped && !attempt.Seen).ToList();
        _toPush.Clear();
        var ours = new List<WantedAttempt>(due.Count);
        await Task.WhenAll(due.Select(async attempt =>
        {
            if (await IsOurs(attempt.TaskId, attempt.Attempt) is not { } answer) return; // not known: the next heartbeat asks again
            if (!_wanted.TryGetValue(attempt.TaskId, out var held) || held.Attempt != attempt.Attempt || held.Dropped) return; // otherwise decided meanwhile
            if (answer.Ours) ours.Add(held);
            else Release(attempt.TaskId);
        }));
        // Asking took its time: what may have begun by now is not pushed under this number any more.
        WantedAttempt[] push = [.. ours.Select(attempt => _wanted.GetValueOrDefault(attempt.TaskId)).OfType<WantedAttempt>().Where(HasSurelyNotBegun)];
        if (_link is not { } link || push.Length == 0) return;
        foreach (var attempt in push) _wanted[attempt.TaskId] = attempt with { IsPushedAgain = true };
        await TellWorker(link, worker => worker.Assign([.. push.Select(attempt => attempt.Assignment)]));
    }

    /// <summary>
    /// What its worker names and this activation does not know: kept when the task's record says it is ours, whether there is room or not; killed
    /// when it says it is not. What could not be asked is neither: it is asked about again, and nothing new is taken until then.
    /// </summary>
    private async Task Decide()
    {
        while (_undecided.Count > 0 && await LookUp([.. _undecided.Take(AskedAtOnce)]))
        {
        }
    }

    /// <summary>True when all of them were decided, and were ours.</summary>
    private async Task<bool> LookUp(IReadOnlyList<AttemptReport> unknown)
    {
        // The index first: it has every open task, and an id that it does not have wakes nobody.
        var open = await unfinished.Find([.. unknown.Select(report => report.TaskId).Where(TaskIds.IsValid)]);
        var all = true;
        await Task.WhenAll(unknown.Select(async report =>
        {
            var answer = open.ContainsKey(report.TaskId) ? await IsOurs(report.TaskId, report.Attempt) : new Answer(false, null);
            all &= answer is { Ours: true };
            if (answer is null) return;
            var isNews = _undecided.Remove(report);
            if (answer.Ours && !_wanted.ContainsKey(report.TaskId)) Adopt(answer.Assignment!, true);
            if (answer.Ours || !isNews) return;
            _notOurs.Add((report.TaskId, report.Attempt));
            _toKill.Add(report);
        }));
        return all;
    }

    private async Task KillUnwanted()
    {
        if (_link is not { } link) return;
        var unwanted = _toKill.ToList();
        _toKill.Clear();
        foreach (var report in unwanted) await TellWorker(link, worker => worker.Kill(report.TaskId, report.Attempt, "NOT_WANTED"));
    }

    /// <summary>A start is ticked off when its task knows it, not before.</summary>
    private Task TellStarts() => Task.WhenAll(_toTell.ToList().Select(async start =>
    {
        try
        {
            var isCurrent = await GrainFactory.GetGrain<ITaskGrain>(start.TaskId).Started(Id, start.Attempt);
            _toTell.Remove(start);
            NoteTold(start.TaskId, start.Attempt, isCurrent);
        }
        catch (Exception error)
        {
            LogTaskNotTold(error, Id, start.TaskId);
            _toTell.Remove(start); // the next heartbeat says it again
        }
    }));

    /// <summary>A task that does not know this attempt has ended otherwise, and the word of it got lost: it is dropped here.</summary>
    private void NoteTold(string taskId, int attempt, bool isCurrent)
    {
        if (!_wanted.TryGetValue(taskId, out var held) || held.Attempt != attempt) return;
        if (isCurrent) _started.Add((taskId, attempt));
        else DropHere(held);
    }

    /// <summary>
    /// What is held is compared with the index about once a minute: a task that was cancelled or ended while the word to drop it got lost has no entry any
    /// more, or another node's mark. One read for all; only what differs is asked about.
    /// </summary>
    private async Task CheckHeld()
    {
        var due = _wanted.Values.Where(IsDue).ToList();
        if (due.Count == 0) return;
        var open = await unfinished.Find([.. due.Select(attempt => attempt.TaskId)]);
        await Task.WhenAll(due.Select(async attempt =>
        {
            var isOurs = open.GetValueOrDefault(attempt.TaskId) == Id || await IsOurs(attempt.TaskId, attempt.Attempt) is not { Ours: false };
            if (!_wanted.TryGetValue(attempt.TaskId, out var held) || held.Attempt != attempt.Attempt) return;
            _wanted[attempt.TaskId] = held with { CheckedAt = time.GetTimestamp() };
            if (!isOurs) DropHere(_wanted[attempt.TaskId]);
        }));
    }

    private bool IsDue(WantedAttempt attempt) => !attempt.Dropped && time.GetElapsedTime(attempt.CheckedAt) >= CheckEvery;

    /// <summary>Its room stays taken until its worker names it no more; each heartbeat that still does has it killed again.</summary>
    private void DropHere(WantedAttempt held)
    {
        if (held.Dropped) return;
        LogForgottenDrop(Id, held.TaskId, held.Attempt);
        _wanted[held.TaskId] = held with { Dropped = true };
        _toKill.Add(new(held.TaskId, held.Attempt, true));
    }

    /// <summary>What the task's record says; null when it cannot be asked now: not known is not unwanted.</summary>
    private async Task<Answer?> IsOurs(string taskId, int attempt)
    {
        try
        {
            var found = await GrainFactory.GetGrain<ITaskGrain>(taskId).Examine();
            return new(found.Kind == TaskExaminationKind.OnNode && found.NodeId == Id && found.Assignment!.Attempt == attempt, found.Assignment);
        }
        catch (Exception error)
        {
            if (!HiveMindException.IsUnreadable(error)) LogLookUpFailed(error, Id, taskId);
            return null;
        }
    }

    private void Adopt(TaskAssignment assignment, bool seen)
    {
        if (!_room.Hold(Running(assignment))) return;
        _wanted[assignment.TaskId] = new(assignment, 0) { Seen = seen, CheckedAt = time.GetTimestamp() };
    }

    private sealed record Answer(bool Ours, TaskAssignment? Assignment);
}
