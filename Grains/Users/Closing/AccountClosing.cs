using HiveMind.Auditing;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging;

namespace HiveMind.Users;

/// <summary>
/// Ends what an account that became inactive still has in the pool: sessions, tasks that wait or run. One pass; each step can be repeated, and
/// passes follow each other until one finds nothing (<see cref="ClosingAccounts"/>). Its machines ask for themselves whether their owner may still lend them.
/// </summary>
public sealed partial class AccountClosing(IGrainFactory grains, IBooks books, IOpenTasks open, ILogger<AccountClosing> log)
{
    private const int PageSize = 500, AtOnce = 16;

    /// <summary>True: nothing was left to end, or the account is active again.</summary>
    public async Task<bool> Pass(string userId, CancellationToken cancel)
    {
        if (await books.FindAccount(userId, cancel) is not { IsActive: false }) return true;
        var sessionsEnded = await EndSessions(userId);
        var left = await Each(userId, LeaveQueue, cancel); // at once out of the queue, so that none of them starts while others are cancelled
        await Each(userId, Cancel, cancel);
        LogPass(userId, left);
        return left == 0 && sessionsEnded;
    }

    /// <summary>False where its record cannot be read: nobody gets in with a session of it either, and its tasks are ended all the same.</summary>
    private async Task<bool> EndSessions(string userId)
    {
        try
        {
            await grains.GetGrain<IUserGrain>(userId).RevokeSessions([], null, Actor.Hub);
            return true;
        }
        catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
        {
            return false;
        }
    }

    private async Task<int> Each(string userId, Func<IReadOnlyList<string>, CancellationToken, Task> step, CancellationToken cancel)
    {
        var (count, below) = (0, (TaskKey?)null);
        while (true)
        {
            var page = await open.Page(userId, below, 0, PageSize);
            string[] ids = [.. page.Where(task => task.Task is not null || task.IsUnreadable).Select(task => task.Key.TaskId)];
            if (ids.Length > 0) await step(ids, cancel);
            count += ids.Length;
            if (page.Count < PageSize) return count;
            below = page[^1].Key;
        }
    }

    private Task LeaveQueue(IReadOnlyList<string> ids, CancellationToken cancel) => grains.GetGrain<ISchedulerGrain>(Shards.Default).Remove(ids);

    private Task Cancel(IReadOnlyList<string> ids, CancellationToken cancel) => Bounded(ids, async id =>
    {
        try
        {
            await grains.GetGrain<ITaskGrain>(id).Cancel();
        }
        catch (HiveMindException over) when (over.Kind is FailureKind.FailedPrecondition or FailureKind.NotFound)
        {
            // ended already and not settled yet, or never born
        }
    }, cancel);

    /// <summary>What fails is said and met again by the next pass: one bad record holds up nothing else.</summary>
    private Task Bounded(IEnumerable<string> ids, Func<string, Task> step, CancellationToken cancel) => Parallel.ForEachAsync(
        ids, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancel }, async (id, _) =>
        {
            try
            {
                await step(id);
            }
            catch (Exception unreadable) when (HiveMindException.IsUnreadable(unreadable))
            {
                // its store has named it
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogFailed(id, e.Message);
            }
        });

    [LoggerMessage(LogLevel.Information, "Closing account {UserId}: {Left} tasks were open")]
    private partial void LogPass(string userId, int left);

    [LoggerMessage(LogLevel.Warning, "Closing an account: {Id} could not be ended yet: {Error}")]
    private partial void LogFailed(string id, string error);
}
