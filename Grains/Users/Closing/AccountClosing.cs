using HiveMind.Auditing;
using HiveMind.Nodes;
using HiveMind.Rewards;
using HiveMind.Scheduling;
using HiveMind.Storage;
using HiveMind.Tasks;
using Microsoft.Extensions.Logging;

namespace HiveMind.Users;

/// <summary>
/// Ends what an account that became inactive still has in the pool: sessions, tasks that wait or run. One pass; each step can be repeated, and
/// passes follow each other until one finds nothing (<see cref="ClosingAccounts"/>). Its machines are told at once, as far as that goes; they ask for
/// themselves every few seconds whether their owner may still lend them.
/// </summary>
public sealed partial class AccountClosing(IGrainFactory grains, IPoolDatabase database, IOpenTasks open, AccountStandings standings, TimeProvider time, ILogger<AccountClosing> log)
{
    private const int PageSize = 500, AtOnce = 16;
    /// <summary>Machines that are not told by then find out by themselves sooner than they would be.</summary>
    private static readonly TimeSpan TellingNodes = TimeSpan.FromSeconds(5);

    private ISchedulerGrain Scheduler => grains.GetGrain<ISchedulerGrain>(Shards.Default);

    /// <summary>True: nothing was left to end, or the account is active again.</summary>
    public async Task<bool> Pass(string userId, CancellationToken cancel)
    {
        await RefuseGrants(userId);
        if (!await IsShutOut(userId, cancel)) return true;
        var sessionsEnded = await EndSessions(userId);
        var telling = TellNodes(userId, cancel);
        var left = await Each(userId, LeaveQueue, cancel); // at once out of the queue, so that none of them starts while others are cancelled
        await Each(userId, Cancel, cancel);
        await telling;
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

    private async Task<bool> IsShutOut(string userId, CancellationToken cancel) => await database.FindAccount(userId, cancel) is { IsActive: false };

    /// <summary>From now on no task of it is granted, whoever enqueues one that was on its way. Other silos believe what they know for up to a second.</summary>
    private async Task RefuseGrants(string userId)
    {
        try
        {
            await grains.GetGrain<IAccountLoadGrain>(userId).AccountChanged();
        }
        catch (Exception e)
        {
            LogFailed(userId, e.Message); // it reads the database anew at the next grant that is a second later
        }

        standings.Forget(userId);
    }

    private async Task TellNodes(string userId, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(TellingNodes, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            var nodes = await Scheduler.NodesOf(userId).WaitAsync(either.Token);
            await Bounded(nodes, id => grains.GetGrain<INodeGrain>(id).OwnerChanged().WaitAsync(either.Token), either.Token);
        }
        catch (Exception e) when (!cancel.IsCancellationRequested)
        {
            LogNodesNotTold(userId, e.Message);
        }
    }

    private async Task<int> Each(string userId, Func<IReadOnlyList<string>, CancellationToken, Task> step, CancellationToken cancel)
    {
        var (count, below) = (0, (TaskKey?)null);
        while (true)
        {
            var page = await open.Page(userId, below, 0, PageSize);
            string[] ids = [.. page.Where(task => task.Task is not null || task.IsUnreadable).Select(task => task.Key.TaskId)];
            if (ids.Length > 0 && !await IsShutOut(userId, cancel)) return count; // active again meanwhile: what it has now it keeps
            if (ids.Length > 0) await step(ids, cancel);
            count += ids.Length;
            if (page.Count < PageSize) return count;
            below = page[^1].Key;
        }
    }

    private Task LeaveQueue(IReadOnlyList<string> ids, CancellationToken cancel) => Scheduler.Remove(ids);

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

    [LoggerMessage(LogLevel.Warning, "Closing account {UserId}: its machines could not all be told, they find out within seconds: {Error}")]
    private partial void LogNodesNotTold(string userId, string error);

    [LoggerMessage(LogLevel.Warning, "Closing an account: {Id} could not be ended yet: {Error}")]
    private partial void LogFailed(string id, string error);
}
