namespace HiveMind.Workers.Runs;

/// <summary>
/// While runs follow one another, the next one is started in advance, as far as that can be done without knowing it: folders, control group, sandbox, and
/// the launcher in it, which waits for its orders. It serves one run, or ends when none came for <see cref="KeptFor"/>: a machine that has nothing to do
/// keeps nothing ready.
/// </summary>
internal sealed class WarmStart : IAsyncDisposable
{
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(5);

    private readonly Func<Task<Launch>> _start;
    private readonly ITimer _idle;
    private readonly Lock _lock = new();
    private Launch? _ready;
    private Task _starting = Task.CompletedTask, _ending = Task.CompletedTask;
    private bool _isDisposed;

    public WarmStart(Func<Task<Launch>> start, TimeProvider time)
    {
        _start = start;
        _idle = time.CreateTimer(_ => EndReady(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Null when none is ready; one that is only being started is left to the next. Who takes it ends it.</summary>
    public Launch? Take()
    {
        lock (_lock)
        {
            if (_ready is not { } started || (started.IsAlive && !started.IsReady)) return null;
            _ready = null;
            if (started.IsAlive) return started;
            End(started);
            return null;
        }
    }

    /// <summary>Another run may come soon.</summary>
    public void Expect()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            _idle.Change(KeptFor, Timeout.InfiniteTimeSpan);
            if (_ready is null && _starting.IsCompleted) _starting = Task.Run(StartOne);
        }
    }

    private async Task StartOne()
    {
        try
        {
            var started = await _start();
            lock (_lock)
            {
                _ready = started;
                _idle.Change(KeptFor, Timeout.InfiniteTimeSpan);
            }
        }
        catch (Exception)
        {
            // The next run is started when it comes, and says what is wrong if that is still so.
        }
    }

    private void EndReady()
    {
        lock (_lock)
        {
            if (_ready is { } ready) End(ready);
            _ready = null;
        }
    }

    /// <summary>Within the lock.</summary>
    private void End(Launch launch)
    {
        _ending = Task.WhenAll(_ending, Ended());

        async Task Ended()
        {
            await launch.End();
            launch.Place.Remove();
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _isDisposed = true;
        await _starting;
        await _idle.DisposeAsync();
        EndReady();
        await _ending;
    }
}
