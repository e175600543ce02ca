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
    /// <summary>The next one, perhaps not ready yet. Its result is null where it could not be started.</summary>
    private Task<Launch?>? _next;
    private Task _ending = Task.CompletedTask;
    private bool _isDisposed;

    public WarmStart(Func<Task<Launch>> start, TimeProvider time)
    {
        _start = start;
        _idle = time.CreateTimer(_ => EndNext(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>
    /// Null when there is none. One that is being started is waited for: another start beside it would take longer. Who gets it ends it.
    /// </summary>
    public async Task<Launch?> Take()
    {
        Task<Launch?> next;
        lock (_lock)
        {
            if (_next is null) return null;
            (next, _next) = (_next, null);
        }
        if (await next is not { } launch) return null;
        if (launch.IsAlive) return launch;
        lock (_lock) End(next);
        return null;
    }

    /// <summary>Another run may come soon.</summary>
    public void Expect()
    {
        lock (_lock)
        {
            if (_isDisposed) return;
            _idle.Change(KeptFor, Timeout.InfiniteTimeSpan);
            _next ??= Task.Run(StartOne);
        }
    }

    private async Task<Launch?> StartOne()
    {
        try
        {
            var launch = await _start();
            await launch.Ready();
            return launch;
        }
        catch (Exception)
        {
            // The next run is started when it comes, and says what is wrong if that is still so.
            return null;
        }
    }

    private void EndNext()
    {
        lock (_lock)
        {
            if (_next is { } next) End(next);
            _next = null;
        }
    }

    /// <summary>Within the lock.</summary>
    private void End(Task<Launch?> next)
    {
        _ending = Task.WhenAll(_ending, Ended());

        async Task Ended()
        {
            if (await next is not { } launch) return;
            await launch.End();
            launch.Place.Remove();
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock) _isDisposed = true;
        await _idle.DisposeAsync();
        EndNext();
        await _ending;
    }
}
