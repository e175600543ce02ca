namespace HiveMind.Workers.Runs;

/// <summary>
/// Removes what programs leave. A little goes at once; much goes beside the runs, one folder after the other. What cannot be removed is
/// said once and tried again after later runs, and at the next start: nothing waits for it.
/// </summary>
public sealed class FolderCleaner(IWorkerConsole? console, TimeProvider time) : IDisposable
{
    /// <summary>About a millisecond.</summary>
    private const int MostAtOnce = 256;
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(30), PatienceAtEnd = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Queue<Leftover> _waiting = [];
    private readonly List<Leftover> _stuck = [];
    private readonly HashSet<string> _said = [];
    private Task _work = Task.CompletedTask;
    private bool _working;
    private long _triedAt;

    private sealed record Leftover(IReadOnlyList<string> Folders, Action? Gone);

    /// <summary>How many are still to be removed.</summary>
    internal int Left
    {
        get
        {
            lock (_lock)
                return _waiting.Count + _stuck.Count + (_working ? 1 : 0);
        }
    }

    /// <summary>Comes back soon, and never fails; <paramref name="gone"/> is called once when all of them are gone.</summary>
    public void Remove(IReadOnlyList<string> folders, Action? gone = null)
    {
        var leftover = new Leftover(folders, gone);
        // Two that empty the same folder would be in each other's way.
        if (IsIdle() && folders.All(folder => FolderRemoval.Remove(folder, MostAtOnce).Outcome == Removal.Gone))
            gone?.Invoke();
        else
            Enqueue(leftover);
    }

    /// <summary>What is not gone in a few seconds is left to the next worker's start.</summary>
    public void Dispose()
    {
        Task work;
        lock (_lock)
            work = _work;
        work.Wait(PatienceAtEnd);
        _end.Cancel();
        work.Wait(PatienceAtEnd);
    }

    /// <summary>The stuck ones are tried again now and then.</summary>
    private bool IsIdle()
    {
        lock (_lock)
        {
            if (_stuck.Count > 0 && time.GetElapsedTime(_triedAt) >= TryAgainAfter)
            {
                foreach (var stuck in _stuck)
                    _waiting.Enqueue(stuck);
                _stuck.Clear();
                Begin();
            }
            return !_working;
        }
    }

    private void Enqueue(Leftover leftover)
    {
        lock (_lock)
        {
            _waiting.Enqueue(leftover);
            Begin();
        }
    }

    /// <summary>Within the lock.</summary>
    private void Begin()
    {
        if (_working || _end.IsCancellationRequested)
            return;
        _working = true;
        _work = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    private void Work()
    {
        while (true)
        {
            Leftover? next;
            lock (_lock)
                if (_end.IsCancellationRequested || !_waiting.TryDequeue(out next))
                {
                    _working = false;
                    return;
                }
            try
            {
                Remove(next);
            }
            catch (Exception)
            {
                // What comes after it must not wait for it.
                Stuck(next);
            }
        }
    }

    private void Remove(Leftover leftover)
    {
        List<string> stuck = [];
        foreach (var folder in leftover.Folders)
        {
            var (outcome, problem) = FolderRemoval.Remove(folder, stop: _end.Token);
            if (outcome == Removal.Gone)
                continue;
            stuck.Add(folder);
            if (outcome == Removal.Stuck && _said.Add(folder))
                console?.Say(WorkerEvent.Warning,
                    $"What a program left in '{folder}' cannot be removed ({problem}): it stays for now, and is tried again after later runs.");
        }
        if (stuck.Count == 0)
        {
            leftover.Gone?.Invoke();
            return;
        }
        Stuck(leftover with { Folders = stuck });
    }

    private void Stuck(Leftover leftover)
    {
        lock (_lock)
        {
            _stuck.Add(leftover);
            _triedAt = time.GetTimestamp();
        }
    }
}
