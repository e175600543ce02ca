using HiveMind.Protos;
using HiveMind.Workers.Runs;

namespace HiveMind.Workers.Attempts;

/// <summary>One attempt of one task: the attempt number fences off every other.</summary>
public readonly record struct AttemptKey(string TaskId, int Attempt)
{
    public override string ToString() => $"{(TaskId.Length > 8 ? TaskId[..8] : TaskId)}#{Attempt}";
}

/// <summary>How far an attempt is. Only the first two are undone when the lease is gone: what has ended overlaps with nothing.</summary>
public enum AttemptPhase
{
    Preparing,
    Running,
    SendingOutput,
    Ended,
}

/// <summary>An attempt that this worker holds.</summary>
public sealed class HeldAttempt(AttemptKey key)
{
    public AttemptKey Key { get; } = key;
    /// <summary>Asks the program to end, and kills it after its grace; the attempt is then reported, unless <see cref="IsUnwanted"/>.</summary>
    public CancellationTokenSource Stop { get; } = new();
    /// <summary>Ends all that is done for it, at once; nothing is reported.</summary>
    public CancellationTokenSource Drop { get; } = new();
    /// <summary>The hub wants no report of it, though its program may still be ending.</summary>
    public bool IsUnwanted { get; internal set; }
    /// <summary>Nothing is to be reported of it.</summary>
    public bool IsDropped => IsUnwanted || Drop.IsCancellationRequested;
    /// <summary>How long it may run without word of the hub, where that is longer than the worker's own lease.</summary>
    public TimeSpan Lease { get; internal set; }
    public AttemptPhase Phase { get; internal set; }
    public bool Started { get; internal set; }
    public RunPlace? Place { get; internal set; }
    /// <summary>What the hub must answer before this attempt is forgotten.</summary>
    public TaskReport? Report { get; internal set; }
    /// <summary>When the report is sent again unless it is answered before; a timestamp of the table's clock.</summary>
    internal long SendAt { get; set; }
    internal int Refusals { get; set; }
    internal int Uploads { get; set; }
    /// <summary>Ends when nothing of it runs any more and it is reported or dropped.</summary>
    public Task Completion { get; internal set; } = Task.CompletedTask;
}

/// <summary>
/// The attempts this worker holds: assigned, running, or ended and not yet answered. What it says of itself in every heartbeat comes
/// from here, so an ended attempt stays listed until the hub has its report: else the hub would assign it again.
/// </summary>
public sealed class AttemptTable
{
    /// <summary>Answered attempts that are remembered, so that a late duplicate of their assignment does not run them again.</summary>
    private const int Remembered = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<AttemptKey, HeldAttempt> _held = [];
    private readonly Latest _answered = new(Remembered), _begun = new(Remembered);

    public int Count
    {
        get
        {
            lock (_lock)
                return _held.Count;
        }
    }

    /// <summary>
    /// Holds it from now on; null when it is held already, was answered, or its program may have begun here before: every start of a program has an
    /// attempt number of its own, so the hub grants it anew.
    /// </summary>
    public HeldAttempt? TryHold(AttemptKey key)
    {
        lock (_lock)
        {
            if (_answered.Contains(key) || _begun.Contains(key) || _held.ContainsKey(key))
                return null;
            return _held[key] = new HeldAttempt(key);
        }
    }

    public HeldAttempt? Find(AttemptKey key)
    {
        lock (_lock)
            return _held.GetValueOrDefault(key);
    }

    /// <summary>Its report was answered, not long ago.</summary>
    public bool WasAnswered(AttemptKey key)
    {
        lock (_lock)
            return _answered.Contains(key);
    }

    /// <summary>Other attempts of the same task that are held.</summary>
    public IReadOnlyList<HeldAttempt> Others(AttemptKey key)
    {
        lock (_lock)
            return [.. _held.Values.Where(a => a.Key.TaskId == key.TaskId && a.Key != key)];
    }

    public IReadOnlyList<HeldAttempt> All()
    {
        lock (_lock)
            return [.. _held.Values];
    }

    /// <summary>What a heartbeat says.</summary>
    public IReadOnlyList<AttemptRef> RunningSet()
    {
        lock (_lock)
            return [.. _held.Values.Select(a => new AttemptRef { TaskId = a.Key.TaskId, Attempt = a.Key.Attempt, Started = a.Started })];
    }

    /// <summary>From now on its number is used up here.</summary>
    public void MayBegin(HeldAttempt attempt)
    {
        lock (_lock)
            _begun.Add(attempt.Key);
    }

    /// <summary>True the first time, while it is held and not dropped.</summary>
    public bool Begin(HeldAttempt attempt)
    {
        lock (_lock)
        {
            attempt.Phase = AttemptPhase.Running;
            return !attempt.Started && (attempt.Started = true);
        }
    }

    public void Sending(HeldAttempt attempt)
    {
        lock (_lock)
        {
            attempt.Phase = AttemptPhase.SendingOutput;
            attempt.Report = null;
        }
    }

    /// <summary>Its report is ready; due at once.</summary>
    public void End(HeldAttempt attempt, TaskReport report, long now)
    {
        lock (_lock)
        {
            attempt.Phase = AttemptPhase.Ended;
            attempt.Report = report;
            attempt.SendAt = now;
        }
    }

    /// <summary>The reports to send now; each is due again at <paramref name="again"/> if nobody answers.</summary>
    public IReadOnlyList<TaskReport> Due(long now, long again)
    {
        lock (_lock)
        {
            var due = _held.Values.Where(a => a.Report is not null && a.SendAt <= now).ToArray();
            foreach (var attempt in due)
                attempt.SendAt = again;
            return [.. due.Select(a => a.Report!)];
        }
    }

    /// <summary>A new connection: what was sent on the old one may be lost.</summary>
    public void AllDue(long now)
    {
        lock (_lock)
            foreach (var attempt in _held.Values)
                attempt.SendAt = now;
    }

    /// <summary>The hub wants the report later; <paramref name="wait"/> maps how often it has said so to the timestamp.</summary>
    public void Later(HeldAttempt attempt, Func<int, long> wait)
    {
        lock (_lock)
            attempt.SendAt = wait(++attempt.Refusals);
    }

    /// <summary>
    /// Forgets it. Answered, or its program may have begun (killed, lease gone): never to be run again here. Otherwise the hub may assign it again.
    /// </summary>
    public void Remove(HeldAttempt attempt, bool answered)
    {
        lock (_lock)
        {
            if (!_held.Remove(attempt.Key))
                return;
            if (answered)
                _answered.Add(attempt.Key);
        }
        attempt.Place?.Remove();
    }

    /// <summary>The last so many keys.</summary>
    private sealed class Latest(int most)
    {
        private readonly HashSet<AttemptKey> _keys = [];
        private readonly Queue<AttemptKey> _order = [];

        public bool Contains(AttemptKey key) => _keys.Contains(key);

        public void Add(AttemptKey key)
        {
            if (!_keys.Add(key))
                return;
            _order.Enqueue(key);
            if (_order.Count > most)
                _keys.Remove(_order.Dequeue());
        }
    }
}
