namespace HiveMind.Storage;

/// <summary>
/// Renews this silo's row in the books while it runs and takes it out at the end. Where another host has the books, or nobody can be sure of
/// the contrary any more, this silo ends: two hosts on one SQLite file destroy it.
/// </summary>
internal sealed partial class BooksLeaseKeeper(SqliteBooks books, FailStop failStop, TimeProvider time, ILogger<BooksLeaseKeeper> logger) : BackgroundService
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
            books.ReleaseLease();
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
            books.TakeLease();
        }
        catch (StoreRefusedException e)
        {
            failStop.End($"The lease on the books was lost. {e.Message}");
        }
        catch (HiveMindException e)
        {
            LogNotRenewed(logger, e.Message);
            if (books.LeaseRanOut)
                failStop.End($"The lease on the books could not be renewed for {SqliteBooks.LeaseTime.TotalSeconds:0} s ({e.Message}), and another host may have taken them.");
        }
    }

    [LoggerMessage(1, LogLevel.Error, "The lease on the books was not renewed: {Reason}")]
    private static partial void LogNotRenewed(ILogger logger, string reason);
}
