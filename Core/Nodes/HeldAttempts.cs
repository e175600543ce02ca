using HiveMind.Scheduling;
using HiveMind.Tasks;

namespace HiveMind.Nodes;

/// <summary>
/// All that a node holds, and so what is free on it: what is held takes room, what is held no more takes none, and nothing else does.
/// Each task is held once.
/// </summary>
public sealed class HeldAttempts
{
    private readonly NodeReservations _room = new();
    private readonly Dictionary<string, HeldAttempt> _held = [];
    private int _granted, _beat;

    public ResourceRequest Total => _room.Total;
    public ResourceRequest Free => _room.Free;
    /// <summary>The same list until something changes.</summary>
    public IReadOnlyList<RunningTask> Running => _room.Running;
    /// <summary>Attempts, so without what is only reserved.</summary>
    public int Count => _granted;
    public IEnumerable<HeldAttempt> Attempts => _held.Values.Where(held => held.IsGranted);

    /// <summary>Tasks of others than that account.</summary>
    public int CountBeside(string userId) => _room.CountBeside(userId);

    public void Resize(NodeCapabilities capabilities) => _room.Resize(capabilities);

    /// <summary>Also where it is only reserved.</summary>
    public bool Holds(string taskId) => _held.ContainsKey(taskId);

    public HeldAttempt? Find(string taskId) => _held.TryGetValue(taskId, out var held) && held.IsGranted ? held : null;

    public HeldAttempt? Find(string taskId, int attempt) => Find(taskId) is { } held && held.Attempt == attempt ? held : null;

    /// <summary>False when it does not fit or the task is already here.</summary>
    public bool TryReserve(RunningTask run) => run.Resources.Fits(Free) && Add(run) is not null;

    /// <summary>It was reserved, and its task has granted it. Null when it is reserved no more.</summary>
    public HeldAttempt? Grant(TaskAssignment assignment, TimeSpan now, long epoch, TimeSpan heardBefore)
    {
        if (!_held.TryGetValue(assignment.TaskId, out var held) || held.IsGranted) return null;
        held.Granted(assignment, now, epoch, heardBefore);
        _granted++;
        return held;
    }

    /// <summary>It is this node's already and runs there whether there is room or not: a run is not ended for a sum. False when the task is already here.</summary>
    /// <param name="assignment">By its record.</param>
    /// <param name="run">The same, as its room.</param>
    /// <param name="now">When it became known here.</param>
    /// <param name="named">By its worker; null: nobody has heard of it there.</param>
    public bool Adopt(TaskAssignment assignment, RunningTask run, TimeSpan now, AttemptReport? named)
    {
        if (Add(run) is not { } held) return false;
        held.Adopted(assignment, now, named);
        _granted++;
        return true;
    }

    public void Release(string taskId)
    {
        if (_held.Remove(taskId, out var held) && held.IsGranted) _granted--;
        _room.Release(taskId);
    }

    public void SetEnd(HeldAttempt held, DateTimeOffset endsBy) => _room.SetEnd(held.TaskId, endsBy);

    /// <summary>
    /// What a heartbeat says against what is held. Pushed and not named: pushed again if it surely has not begun, else given up for another number.
    /// Named before and missing: gone with its run. Dropped and named: killed again. Dropped and missing: its room is free. Not held: unknown,
    /// to be looked up (a fresh activation does not know yet what its worker holds). All by level and not by edge: lost pushes, lost cancels and
    /// reconnects are one case.
    /// </summary>
    public Reconciliation Reconcile(IReadOnlyList<AttemptReport> named, TimeSpan now, TimeSpan interval, Func<HeldAttempt, bool> hasSurelyNotBegun)
    {
        var plan = new Reconciliation();
        _beat++;
        foreach (var report in named)
        {
            if (Find(report.TaskId) is not { } held)
            {
                plan.Unknown.Add(report);
                continue;
            }
            if (held.Attempt != report.Attempt)
            {
                plan.Kill.Add(report);
                continue;
            }
            held.NamedIn = _beat;
            if (held.IsDropped) plan.Kill.Add(report);
            if (held.Named(report.Started)) plan.Begun.Add(held);
        }
        foreach (var held in _held.Values)
        {
            if (!held.IsGranted || held.NamedIn == _beat) continue;
            if (held.IsDropped)
            {
                if (held.IsSurelyGone(now, interval)) plan.Free.Add(held);
            }
            else if (held.IsNamed) plan.Gone.Add(held);
            else if (held.IsDue(now, interval)) (hasSurelyNotBegun(held) ? plan.Push : plan.Unsure).Add(held);
        }
        return plan;
    }

    private HeldAttempt? Add(RunningTask run)
    {
        var held = new HeldAttempt(run.TaskId);
        if (!_held.TryAdd(run.TaskId, held)) return null;
        _room.Hold(run);
        return held;
    }
}

/// <summary>What follows from a heartbeat.</summary>
public sealed class Reconciliation
{
    public List<HeldAttempt> Push { get; } = [];
    /// <summary>Never named, and it may have begun all the same: closed uncounted and granted anew.</summary>
    public List<HeldAttempt> Unsure { get; } = [];
    public List<HeldAttempt> Gone { get; } = [];
    public List<HeldAttempt> Free { get; } = [];
    /// <summary>Their programs have begun, and that is news.</summary>
    public List<HeldAttempt> Begun { get; } = [];
    public List<AttemptReport> Kill { get; } = [];
    public List<AttemptReport> Unknown { get; } = [];
}
