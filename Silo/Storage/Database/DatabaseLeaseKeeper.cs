namespace HiveMind.Storage;

/// <summary>
/// Renews this silo's row in the database while it runs and takes it out at the end. Where another host has the database, or nobody can be sure of
/// the contrary any more, this silo ends: two hosts on one SQLite file destroy it.
/// </summary>
internal sealed partial class DatabaseLeaseKeeper(SqliteDatabase database, FailStop failStop, TimeProvider time, ILogger<DatabaseLeaseKeeper> logger) : BackgroundService
{
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(RenewEvery, time);
        do
        {
            Renew();
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            database.ReleaseLease();
        }
        catch (HiveMindException e)
        {
            LogNotRenewed(logger, e.Message); // it runs out by itself
        }
    }

    internal void Renew()
    {
        try
        {
            database.TakeLease();
        }
        catch (StoreRefusedException e)
        {
            failStop.End($"The lease on the database was lost. {e.Message}");
        }
        catch (HiveMindException e)
        {
            LogNotRenewed(logger, e.Message);
            if (database.LeaseRanOut)
                failStop.End($"The lease on the database could not be renewed for {SqliteDatabase.LeaseTime.TotalSeconds:0} s ({e.Message}), and another host may have taken it.");
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The lease on the database was not renewed: {Reason}")]
    private static partial void LogNotRenewed(ILogger logger, string reason);
}
