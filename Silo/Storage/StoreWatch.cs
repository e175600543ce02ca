namespace HiveMind.Storage;

/// <summary>A store whose files can be deleted, moved or replaced under the running process.</summary>
public interface IGuardedStore
{
    /// <summary>Null while it is whole; else the sentence that the process ends with. Cheap: asked every second and around every commit.</summary>
    string? Problem();
}

/// <summary>Looks every second whether the stores' files are still those that were opened, so that an idle hub notices too, and ends it if not.</summary>
internal sealed class StoreWatch(IEnumerable<IGuardedStore> stores, FailStop failStop) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (stores.Select(store => store.Problem()).FirstOrDefault(problem => problem is not null) is { } sentence) failStop.End(sentence);
        }
    }
}
