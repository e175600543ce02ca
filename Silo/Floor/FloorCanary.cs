namespace HiveMind.Storage;

/// <summary>Moves the canary on every few seconds in which something was made durable.</summary>
internal sealed partial class FloorCanary(Floor floor, TimeProvider time, ILogger<FloorCanary> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var seen = floor.Writes;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (floor.Writes == seen)
            {
                continue;
            }
            try
            {
                await floor.Meta.Advance();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotNoted(log, e);
            }
            seen = floor.Writes;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The floor's write sequence could not be noted in the books; trying again.")]
    private static partial void LogNotNoted(ILogger logger, Exception cause);
}
