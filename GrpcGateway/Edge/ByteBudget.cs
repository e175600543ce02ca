namespace HiveMind.Edge;

/// <summary>
/// So many bytes may be held in memory at the same time, so many of them by one payer. Who finds no room waits its turn for a while; a payer that is at
/// its own limit holds up nobody else.
/// </summary>
internal sealed class ByteBudget(long total, long perPayer, TimeSpan patience, TimeProvider time)
{
    /// <summary>
    /// Of one payer and of all: what they have sent already stays in the network's buffers, a window's worth of each, and takes that much from the
    /// window of their connection, which the one that is being read needs too: less than half of it may be held up, as Kestrel gives back by halves.
    /// </summary>
    public const int MostWaitingPerPayer = 5, MostWaiting = 64;
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private sealed record Waiting(string Payer, long Bytes)
    {
        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly Lock _turn = new();
    private readonly Dictionary<string, long> _payers = [];
    private readonly LinkedList<Waiting> _queue = [];
    private long _taken;
    private volatile int _waiting;

    public bool HasWaiting => _waiting > 0;

    public long Taken
    {
        get
        {
            lock (_turn) return _taken;
        }
    }

    /// <summary>ResourceExhausted, with the time to wait, where no room comes in time.</summary>
    public async Task Take(string payer, long bytes, CancellationToken cancel)
    {
        Waiting waiting;
        LinkedListNode<Waiting> place;
        lock (_turn)
        {
            if (TryTake(payer, bytes)) return;
            if (_waiting >= MostWaiting || _queue.Count(other => other.Payer == payer) >= MostWaitingPerPayer) throw Full();
            place = _queue.AddLast(waiting = new Waiting(payer, bytes));
            _waiting++;
        }

        try
        {
            await waiting.Granted.Task.WaitAsync(patience, time, cancel);
        }
        catch (Exception given) when (given is TimeoutException or OperationCanceledException)
        {
            lock (_turn)
            {
                if (waiting.Granted.Task.IsCompleted) Free(payer, bytes);
                else
                {
                    _queue.Remove(place);
                    _waiting--;
                }
            }

            if (given is TimeoutException) throw Full();
            throw;
        }
    }

    public void Return(string payer, long bytes)
    {
        if (bytes == 0) return;
        lock (_turn) Free(payer, bytes);
    }

    private static HiveMindException Full() => HiveMindException.Exhausted(
        "MESSAGES_IN_FLIGHT", "Too many large messages are under way: try again; large programs go by UploadPayload, results by DownloadResult.", TryAgain);

    private void Free(string payer, long bytes)
    {
        _taken -= bytes;
        if ((_payers[payer] -= bytes) <= 0) _payers.Remove(payer);
        for (var place = _queue.First; place is not null;)
        {
            var next = place.Next;
            if (TryTake(place.Value.Payer, place.Value.Bytes))
            {
                _queue.Remove(place);
                _waiting--;
                place.Value.Granted.SetResult();
            }
            place = next;
        }
    }

    private bool TryTake(string payer, long bytes)
    {
        var mine = _payers.GetValueOrDefault(payer);
        // Whoever asks for more than there ever is gets it alone.
        if ((_taken + bytes > total && _taken > 0) || (mine + bytes > perPayer && mine > 0)) return false;
        _taken += bytes;
        _payers[payer] = mine + bytes;
        return true;
    }
}
