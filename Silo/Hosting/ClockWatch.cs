namespace HiveMind.Hosting;

/// <summary>Says now and then that the machine's clock and the silo's differ, for whoever wonders at the times shown.</summary>
internal sealed partial class ClockWatch(ILogger<ClockWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Worth = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        while (await timer.WaitForNextTickAsync(stoppingToken))
            if (SteadyClock.OfProcess.Off is var off && off.Duration() > Worth) LogOff(log, off.TotalSeconds);
    }

    [LoggerMessage(1, LogLevel.Warning,
        "This machine's clock is {Seconds:0} s ahead of this silo's time, which follows it by 5 ms a second. If the clock is right now, a restart of the silo takes it over at once.")]
    private static partial void LogOff(ILogger logger, double seconds);
}
