namespace HiveMind.Storage;

/// <summary>Tries parked settlements again, at the start and every few minutes: whoever mended the cause need do nothing else.</summary>
internal sealed partial class ParkedSettlements(SqliteDatabase database, TimeProvider time, ILogger<ParkedSettlements> logger) : BackgroundService
{
    public static readonly TimeSpan RetryEvery = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(RetryEvery, time);
        do
        {
            try
            {
                foreach (var taskId in await database.SettleParked(stoppingToken)) LogSettled(logger, taskId);
            }
            catch (Exception e) when (e is HiveMindException or Microsoft.Data.Sqlite.SqliteException)
            {
                LogNotTried(logger, e.Message); // the database's health check alarms by itself
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(1, LogLevel.Information, "The parked settlement of task {TaskId} is settled now")]
    private static partial void LogSettled(ILogger logger, string taskId);

    [LoggerMessage(2, LogLevel.Warning, "Parked settlements could not be tried again: {Reason}")]
    private static partial void LogNotTried(ILogger logger, string reason);
}
