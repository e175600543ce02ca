namespace HiveMind.Persistence;

/// <summary>
/// One call for what many ask for at the same time: while one is under way, whoever comes waits for the next and goes with it. Alone nobody
/// waits; in a crowd n callers cost few calls. A call that fails fails for all that went with it.
/// </summary>
internal sealed class SharedCalls<T>(Func<IReadOnlyList<T>, Task> call, int most)
{
    private readonly Lock _gate = new();
    private readonly Queue<Party> _waiting = new();
    private Party? _boarding;
    private bool _running;

    /// <summary>Done when a call that this item was part of is.</summary>
    public Task Join(T item)
    {
        lock (_gate)
        {
            if (_boarding is null || _boarding.Items.Count >= most) _waiting.Enqueue(_boarding = new Party());
            _boarding.Items.Add(item);
            var done = _boarding.Done.Task;
            if (_running) return done;
            _running = true;
            // Beside the grain's turn and its trace: it serves everybody.
            ThreadPool.UnsafeQueueUserWorkItem(static shared => _ = shared.Run(), this, preferLocal: false);
            return done;
        }
    }

    private async Task Run()
    {
        while (Next() is { } party)
        {
            try
            {
                await call(party.Items);
                party.Done.SetResult();
            }
            catch (Exception failure)
            {
                party.Done.SetException(failure);
            }
        }
    }

    private Party? Next()
    {
        lock (_gate)
        {
            _running = _waiting.TryDequeue(out var party);
            if (_boarding == party) _boarding = null;
            return party;
        }
    }

    private sealed class Party
    {
        public List<T> Items { get; } = [];
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
