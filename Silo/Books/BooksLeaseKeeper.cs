namespace HiveMind.Storage;

/// <summary>Renews this silo's row in the books while it runs and takes it out at the end.</summary>
internal sealed partial class BooksLeaseKeeper(SqliteBooks books, TimeProvider time, ILogger<BooksLeaseKeeper> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(SqliteBooks.LeaseTime / 3, time);
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
            books.ReleaseLease();
        }
        catch (HiveMindException e)
        {
            LogNotRenewed(logger, e.Message); // it runs out by itself
        }
    }

    private void Renew()
    {
        try
        {
            books.TakeLease();
        }
        catch (Exception e) when (e is HiveMindException or StoreRefusedException)
        {
            LogNotRenewed(logger, e.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The lease on the books was not renewed: {Reason}")]
    private static partial void LogNotRenewed(ILogger logger, string reason);
}
