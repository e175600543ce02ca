namespace HiveMind.Storage;

/// <summary>Moves the canary on every few seconds in which something was made durable.</summary>
internal sealed partial class StateStoreCanary(StateStore stateStore, TimeProvider time, ILogger<StateStoreCanary> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var seen = stateStore.Writes;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (stateStore.Writes == seen)
            {
                continue;
            }
            try
            {
                await stateStore.Meta.Advance();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotNoted(log, e);
            }
            seen = stateStore.Writes;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The state store's write sequence could not be noted in the database; trying again.")]
    private static partial void LogNotNoted(ILogger logger, Exception cause);
}
