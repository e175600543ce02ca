using System.Globalization;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;

namespace HiveMind.Rewards;

/// <summary>
/// The sums behind an account's admission. Pure but for what it remembers: the index, the balance and the clock are told to it. What is held is
/// never less than what the balance may still lose: the hold of a task that has ended counts on until a balance was read that knows its end.
/// </summary>
internal sealed class AccountLoad
{
    /// <summary>A task that was let in and has no entry by then is not coming: its gateway died.</summary>
    public static readonly TimeSpan BirthBound = TimeSpan.FromMinutes(5);

    private Dictionary<UInt128, Entry> _open = [];
    private readonly HashSet<UInt128> _freedMeanwhile = [];
    private bool _summing;
    private long _held, _bytes;
    private int _urgent;
    private long _freed, _freedSeen; // holds of what ended: all there ever were, and those that the balance knows
    private long _balance;

    public AccountStanding Standing => new(_balance, _held + _freed - _freedSeen, _open.Count, _bytes);

    /// <summary>Of its ended tasks, kept as files; as last told.</summary>
    public long OutputBytes { get; set; }

    /// <summary>Before the balance is read: what ended until now is in it.</summary>
    public long BalanceMark => _freed;

    public void BalanceIs(long micros, long mark) => (_balance, _freedSeen) = (micros, Math.Max(_freedSeen, mark));

    /// <summary>Lets one more in, or says why not.</summary>
    public TaskAdmission Admit(TaskAsk task, TaskHold? hold, RoleOptions quota, TimeSpan now)
    {
        var key = Key(task.TaskId);
        if (_open.TryGetValue(key, out var known))
        {
            if (known.AdmittedAt is not null) _open[key] = known with { AdmittedAt = now, IsShared = true };
            return new TaskAdmission(hold); // submitted again
        }

        if (quota.MaxOpen > 0 && _open.Count >= quota.MaxOpen)
            return No(FailureKind.ResourceExhausted, "OPEN_QUOTA", $"{_open.Count} of your tasks wait or run, and at most {quota.MaxOpen} may: wait until some have ended.");
        var most = (long)quota.MaxPayloadMb << 20;
        if (most > 0 && _bytes + task.PayloadBytes > most)
            return No(FailureKind.ResourceExhausted, "PAYLOAD_QUOTA",
                $"The programs of your open tasks have {Mb(_bytes)} MiB, this one {Mb(task.PayloadBytes)} MiB more, and at most {quota.MaxPayloadMb} MiB may wait: wait until some have ended.");
        if (task.IsUrgent && quota.MaxUrgent > 0 && _urgent >= quota.MaxUrgent)
            return No(FailureKind.ResourceExhausted, "URGENT_QUOTA",
                $"{_urgent} of your open tasks are URGENT, and at most {quota.MaxUrgent} may be: choose another priority, or wait until some have ended.");
        var outputs = (long)quota.MaxOutputsMb << 20;
        if (outputs > 0 && OutputBytes > outputs)
            return No(FailureKind.ResourceExhausted, "OUTPUT_QUOTA",
                $"The outputs of your ended tasks take {Mb(OutputBytes)} MiB, and at most {quota.MaxOutputsMb} MiB are kept for you: new tasks are let in when the oldest have gone.");
        if (hold is { Micros: > 0 } && Standing is var standing && standing.FreeMicros < hold.Micros) return Short(task, hold, standing);
        Add(key, new Entry(hold?.Micros ?? 0, task.PayloadBytes, now, task.IsUrgent));
        return new TaskAdmission(hold) { IsNew = true };
    }

    /// <summary>As if it had not been let in just now.</summary>
    public void Withdraw(string taskId)
    {
        Drop(Key(taskId), out _);
    }

    public void Free(string taskId)
    {
        var key = Key(taskId);
        if (_summing) _freedMeanwhile.Add(key);
        if (Drop(key, out var entry)) _freed += entry.Hold;
    }

    public void NotBorn(string taskId)
    {
        if (_open.TryGetValue(Key(taskId), out var entry) && !entry.IsShared) _open[Key(taskId)] = entry with { AdmittedAt = null };
    }

    /// <summary>The index is about to be read: what is freed from now on is not brought back by what was read before.</summary>
    public void BeginSumming()
    {
        _summing = true;
        _freedMeanwhile.Clear();
    }

    /// <param name="indexed">Null: it could not be read.</param>
    /// <param name="now">Of this activation.</param>
    /// <param name="unreadable">Entries that are there and cannot be read: open, with the hold that is known of them, if one is.</param>
    public void EndSumming(IEnumerable<PendingTask>? indexed, TimeSpan now, IReadOnlyList<string>? unreadable = null)
    {
        _summing = false;
        if (indexed is null) return;
        var before = _open;
        (_open, _held, _bytes, _urgent) = ([], 0, 0, 0);
        foreach (var task in indexed)
            if (Key(task.TaskId) is var key && !_freedMeanwhile.Contains(key)) Add(key, new Entry(task.HoldMicros, task.PayloadBytes, null, task.Priority == TaskPriority.Urgent));
        foreach (var id in unreadable ?? [])
            if (Key(id) is var key && !_freedMeanwhile.Contains(key)) Add(key, before.TryGetValue(key, out var known) ? known with { AdmittedAt = null } : default);
        foreach (var (key, entry) in before)
        {
            if (_open.ContainsKey(key)) continue;
            if (entry.AdmittedAt is { } at && now - at < BirthBound && !_freedMeanwhile.Contains(key)) Add(key, entry); // on its way to its birth
            else _freed += entry.Hold;
        }
    }

    private void Add(UInt128 key, Entry entry)
    {
        if (!_open.TryAdd(key, entry)) return;
        _held += entry.Hold;
        _bytes += entry.Bytes;
        if (entry.IsUrgent) _urgent++;
    }

    private bool Drop(UInt128 key, out Entry entry)
    {
        if (!_open.Remove(key, out entry)) return false;
        _held -= entry.Hold;
        _bytes -= entry.Bytes;
        if (entry.IsUrgent) _urgent--;
        return true;
    }

    private static TaskAdmission Short(TaskAsk task, TaskHold hold, AccountStanding standing) => No(FailureKind.FailedPrecondition, "INSUFFICIENT_CREDITS",
        $"It may cost {Shown(hold.Micros)} credits ({(hold.Runs > 1 ? $"{hold.Runs} runs of " : "")}{Shown(hold.RunMicros)}: {task.Resources.MilliCores / 1000m:0.###} cores, "
        + $"{task.Resources.MemoryMb} MB, {task.RunTimeout.TotalSeconds:0.#} s) and {Shown(Math.Max(0, standing.FreeMicros))} are free of a balance of {Shown(standing.BalanceMicros)}; "
        + $"{Shown(standing.HeldMicros)} are held for your open tasks. Ask for a shorter timeout or fewer cores, wait for tasks to end, lend a machine to earn credits, "
        + "or run it on machines of your own (label node.owner).");

    private static TaskAdmission No(FailureKind kind, string reason, FormattableString message) =>
        new(null, new Refusal(kind, reason, message.ToString(CultureInfo.InvariantCulture)));

    private static TaskAdmission No(FailureKind kind, string reason, string message) => new(null, new Refusal(kind, reason, message));

    private static string Shown(long micros) => (micros / (decimal)Credits.Micro).ToString("0.######", CultureInfo.InvariantCulture);

    private static long Mb(long bytes) => (bytes + (1 << 20) - 1) >> 20;

    private static UInt128 Key(string taskId) => UInt128.TryParse(taskId, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var key)
        ? key : throw new ArgumentException($"'{taskId}' is no task id.", nameof(taskId));

    /// <summary>When it was let in, null: the index decides. Shared: by several calls, of which one may still bear it.</summary>
    private readonly record struct Entry(long Hold, long Bytes, TimeSpan? AdmittedAt, bool IsUrgent, bool IsShared = false);
}
