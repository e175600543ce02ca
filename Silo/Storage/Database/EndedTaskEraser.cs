using HiveMind.Faults;
using HiveMind.Tasks;

namespace HiveMind.Storage;

/// <summary>
/// Takes the records of ended tasks out of the state store, `Tasks:RetainEnded` after their end, so that the state store grows with what is open and not with what ever
/// was. Who is to go the database knows: their settled rows that are not noted as erased. Each step may be the last one before a crash: the record is kept in the
/// database, then erased in the state store, then the row is noted, and whatever was done is done again without an effect.
/// </summary>
internal sealed partial class EndedTaskEraser(
    SqliteDatabase database, IGrainFactory grains, HubOptions options, TimeProvider time, ILogger<EndedTaskEraser> logger) : BackgroundService
{
    private const int Page = 500, Together = 32;
    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await Run(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LogFailed(logger, failure);
            }
            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private TimeSpan Pause => TimeSpan.FromTicks(Math.Clamp(options.Tasks.RetainEnded.Ticks / 4, ShortestPause.Ticks, LongestPause.Ticks));

    /// <summary>All that is due; returns how many records left the state store. Silos of one pool may meet: each step is the same for both.</summary>
    internal async Task<int> Run(CancellationToken cancel)
    {
        var (erased, last) = (0, (SettledTask?)null);
        while (true)
        {
            var due = await database.StillInStateStore(time.GetUtcNow() - options.Tasks.RetainEnded, last, Page, cancel);
            if (due.Count > 0) erased += await Erase([.. due.Select(row => row.TaskId)], cancel);
            if (due.Count < Page) return erased;
            last = due[^1]; // what could not be erased does not hold up the others
        }
    }

    private async Task<int> Erase(IReadOnlyList<string> taskIds, CancellationToken cancel)
    {
        var records = await Each(taskIds, async id => (TaskId: id, Task: await grains.GetGrain<ITaskGrain>(id).GetSnapshot()), cancel);
        var ended = records.Where(record => record.Task is { EndedAt: not null }).Select(record => record.Task!).ToList();
        await database.Keep(ended, cancel);
        Failpoint.Hit(Failpoints.EraseAfterKept);
        // One without a record was erased before, by this silo or another.
        var missing = records.Where(record => record.Task is null).Select(record => record.TaskId);
        var gone = await Each([.. ended.Select(task => task.TaskId)], async id => (TaskId: id, IsGone: await grains.GetGrain<ITaskGrain>(id).Erase()), cancel);
        Failpoint.Hit(Failpoints.EraseAfterStateStore);
        string[] noted = [.. missing, .. gone.Where(task => task.IsGone).Select(task => task.TaskId)];
        if (noted.Length > 0) await database.NoteErased(noted, cancel);
        DatabaseInstruments.Erased(noted.Length);
        return noted.Length;
    }

    /// <summary>The answers of those that could be asked; the others are met again by the next pass.</summary>
    private async Task<IReadOnlyList<T>> Each<T>(IReadOnlyList<string> taskIds, Func<string, Task<T>> ask, CancellationToken cancel)
    {
        var answers = new List<T>(taskIds.Count);
        foreach (var some in taskIds.Chunk(Together))
        {
            cancel.ThrowIfCancellationRequested();
            foreach (var asked in some.Select(ask).ToList())
            {
                try
                {
                    answers.Add(await asked);
                }
                catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
                {
                    // its store has named it
                }
                catch (Exception failure)
                {
                    LogOneFailed(logger, failure.Message);
                }
            }
        }
        return answers;
    }

    [LoggerMessage(1, LogLevel.Warning, "The records of ended tasks were not all taken out of the state store; the next pass goes on")]
    private static partial void LogFailed(ILogger logger, Exception failure);

    [LoggerMessage(2, LogLevel.Warning, "The record of an ended task was not taken out of the state store now: {Error}")]
    private static partial void LogOneFailed(ILogger logger, string error);
}
