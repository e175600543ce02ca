namespace HiveMind.Workers.Connection;

/// <summary>
/// How long this worker may run what it holds. It counts from *sending* the last message that was answered: the hub counts from
/// receiving it, which is later, so the worker always stops first. One for all its connections: heartbeats are numbered through.
/// </summary>
public sealed class WorkerLease(TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Queue<(long Sequence, long SentAt)> _sent = [];
    private TimeSpan _duration;
    private long _renewedAt;
    private long _sequence;
    private bool _held;

    /// <summary>A new connection was welcomed; its hello was sent at that timestamp.</summary>
    public void Granted(TimeSpan duration, long helloSentAt)
    {
        lock (_lock)
        {
            _sent.Clear();
            _duration = duration;
            // Another connection may have been answered since, while this one was being opened.
            _renewedAt = _held ? Math.Max(_renewedAt, helloSentAt) : helloSentAt;
            _held = true;
        }
    }

    /// <summary>The number of the next heartbeat, on whichever connection.</summary>
    public long NextSequence() => Interlocked.Increment(ref _sequence);

    /// <summary>A heartbeat is about to be sent.</summary>
    public void Sending(long sequence)
    {
        lock (_lock)
            _sent.Enqueue((sequence, time.GetTimestamp()));
    }

    /// <summary>The hub answered that heartbeat, and with it all before.</summary>
    public void Answered(long sequence)
    {
        lock (_lock)
            while (_sent.TryPeek(out var sent) && sent.Sequence <= sequence)
            {
                _sent.Dequeue();
                _renewedAt = Math.Max(_renewedAt, sent.SentAt);
            }
    }

    /// <summary>What is left of it; zero when it is gone or was never granted.</summary>
    public TimeSpan Remaining => RemainingOf(TimeSpan.Zero);

    /// <summary>What is left for a run with a lease of its own: the longer of the two holds.</summary>
    public TimeSpan RemainingOf(TimeSpan own)
    {
        lock (_lock)
        {
            if (!_held)
                return TimeSpan.Zero;
            var left = (own > _duration ? own : _duration) - time.GetElapsedTime(_renewedAt);
            return left > TimeSpan.Zero ? left : TimeSpan.Zero;
        }
    }

    public bool IsHeld => Remaining > TimeSpan.Zero;
}
