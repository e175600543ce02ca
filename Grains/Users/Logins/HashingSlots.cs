using Microsoft.Extensions.Options;

namespace HiveMind.Users;

/// <summary>
/// Bounds how many passwords are hashed at once and how many may wait, on threads of low priority: a flood of logins must not slow
/// other calls down. Whose turn it is goes round by address, so that a flood waits for itself.
/// </summary>
public sealed class HashingSlots(IOptions<HubOptions> options, TimeProvider time)
{
    internal const int WaitingPerAddress = 64, WaitingAtAll = 1024;
    private static readonly TimeSpan FirstGuess = TimeSpan.FromMilliseconds(150);

    private readonly int _slots = options.Value.Auth.HashingSlots > 0 ? options.Value.Auth.HashingSlots : Math.Max(1, Environment.ProcessorCount / 2);
    private readonly Lock _gate = new();
    private readonly FairQueue<Waiter> _queue = new(WaitingPerAddress, WaitingAtAll);
    private int _running;
    private TimeSpan _usual = FirstGuess;

    /// <summary>ResourceExhausted, with the time to wait, when too many wait: from that address or at all.</summary>
    /// <param name="hash">What to do.</param>
    /// <param name="network">`ClientNetwork` of who asked.</param>
    /// <param name="first">Goes before those who are not known.</param>
    /// <param name="cancel">Nobody waits for it any more.</param>
    public async Task<T> Run<T>(Func<T> hash, string network, bool first, CancellationToken cancel)
    {
        AccountInstruments.HashingAsked();
        try
        {
            await Turn(network, first, cancel);
            var began = time.GetTimestamp();
            try
            {
                return await OnQuietThread(hash);
            }
            finally
            {
                Done(time.GetElapsedTime(began));
            }
        }
        finally
        {
            AccountInstruments.HashingDone();
        }
    }

    private async Task Turn(string network, bool first, CancellationToken cancel)
    {
        var waiter = new Waiter();
        lock (_gate)
        {
            if (_running < _slots)
            {
                _running++;
                return;
            }

            if (!_queue.TryAdd(network, first, waiter)) throw Full();
        }

        await using var given = cancel.Register(() => waiter.TrySetCanceled(cancel));
        await waiter.Task;
    }

    private void Done(TimeSpan took)
    {
        lock (_gate)
        {
            _usual += (took - _usual) / 8;
            while (_queue.TryTake(out var next))
                if (next.TrySetResult()) return; // the slot is the next one's; whoever gave up has left
            _running--;
        }
    }

    private HiveMindException Full()
    {
        AccountInstruments.HashingRefused();
        var wait = TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling((_usual * (WaitingPerAddress + 1) / _slots).TotalSeconds), 1, 60));
        return HiveMindException.Exhausted("HASHING_QUEUE_FULL", $"Too many passwords wait to be checked: try again in {wait.TotalSeconds:0} s.", wait);
    }

    private static Task<T> OnQuietThread<T>(Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception error)
            {
                done.SetException(error);
            }
        }) { IsBackground = true, Priority = ThreadPriority.BelowNormal, Name = "password hashing" }.Start();
        return done.Task;
    }

    private sealed class Waiter() : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
}
