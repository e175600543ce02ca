using Microsoft.Extensions.Logging;

namespace HiveMind.Scheduling;

/// <summary>
/// Sweeps once when the silo becomes active, so that what a crash left half-done does not wait for the reminder. Tries until it works,
/// beside the start: a store that is away must not keep a silo down.
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
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await grains.GetGrain<ISweeperGrain>(Shards.Default).Sweep().WaitAsync(_stopping.Token);
                return;
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

    [LoggerMessage(1, LogLevel.Warning, "The sweep at start did not come to its end; trying again")]
    private static partial void LogNotYet(ILogger logger, Exception exception);
}
