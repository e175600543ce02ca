namespace HiveMind.Scheduling;

/// <summary>
/// One pass at a time. Who asks while one is under way gets the next one, shared with all that ask meanwhile: the one under way may
/// already be past what they mean. Not thread-safe: for one grain's turns.
/// </summary>
internal sealed class SharedPass(Func<Task> pass)
{
    private Task _underWay = Task.CompletedTask;
    private Task? _next;

    public bool IsUnderWay => !_underWay.IsCompleted;

    /// <summary>Ends with a pass that began after this call.</summary>
    public Task Run()
    {
        if (_next is not null) return _next;
        return IsUnderWay ? _next = RunNext() : _underWay = pass();
    }

    /// <summary>Ends when nothing is under way any more; failures are those of who asked.</summary>
    public async Task WhenIdle(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested && (_next ?? (IsUnderWay ? _underWay : null)) is { } running)
            await running.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private async Task RunNext()
    {
        await _underWay.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _next = null;
        await (_underWay = pass());
    }
}
