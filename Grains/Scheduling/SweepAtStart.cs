using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>
/// Has one sweep made when the silo becomes active, so that what a crash left half-done does not wait for the reminder. Asks until one has come
/// to its end, beside the start: a store that is away must not keep a silo down, and a sweep that lasts longer than a call may is one sweep.
/// </summary>
internal sealed partial class SweepAtStart(IGrainFactory grains, TimeProvider time, ILogger<SweepAtStart> logger)
    : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Retry = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _stopping = new();
    private Task _sweeping = Task.CompletedTask;

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe(nameof(SweepAtStart), ServiceLifecycleStage.Active, Start, Stop);

    private Task Start(CancellationToken cancel)
    {
        _sweeping = Task.Run(Sweep, CancellationToken.None);
        return Task.CompletedTask;
    }

    private async Task Stop(CancellationToken cancel)
    {
        await _stopping.CancelAsync();
        await _sweeping.WaitAsync(cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Sweep()
    {
        var before = long.MaxValue;
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var ended = await grains.GetGrain<ISweeperGrain>(Shards.Default).Begin(before).WaitAsync(_stopping.Token);
                if (ended > before) return;
                before = ended; // less, where the sweeper moved to another silo
                await Task.Delay(Retry, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception exception)
            {
                LogNotYet(logger, exception);
                await Task.Delay(Retry, time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The sweep at start could not be asked for; trying again")]
    private static partial void LogNotYet(ILogger logger, Exception exception);
}
