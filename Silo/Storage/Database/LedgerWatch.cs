namespace HiveMind.Storage;

/// <summary>Adds up the ledger now and then, so that a sum that is not 0 is seen by whoever watches the figures.</summary>
internal sealed partial class LedgerWatch(SqliteDatabase database, TimeProvider time, ILogger<LedgerWatch> log) : BackgroundService
{
    /// <summary>Each look reads what is new; see <see cref="LedgerSum"/>.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var ledger = new LedgerSum(database.PostingsAfter, time);
        do
        {
            try
            {
                var sum = await ledger.Look(stoppingToken);
                DatabaseInstruments.Summed(sum);
                if (sum != 0) LogImbalance(log, sum);
            }
            catch (Exception e) when (e is HiveMindException or TimeoutException or Microsoft.Data.Sqlite.SqliteException)
            {
                LogNotSummed(log, e.Message); // the database's health check alarms by itself
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    [LoggerMessage(1, LogLevel.Critical, "The postings of the ledger add up to {Micros} millionths of a credit instead of 0")]
    private static partial void LogImbalance(ILogger logger, long micros);

    [LoggerMessage(2, LogLevel.Warning, "The ledger could not be added up: {Reason}")]
    private static partial void LogNotSummed(ILogger logger, string reason);
}
