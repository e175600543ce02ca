using HiveMind.Rewards;

namespace HiveMind.Storage;

/// <summary>Tells the accounts whose tasks have been settled, so that what was held for them is free at once. Hints: the accounts find it out themselves.</summary>
internal sealed partial class SettledAccounts(SettlementWriter writer, IGrainFactory grains, ILogger<SettledAccounts> logger) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken)
    {
        writer.Settled += Tell;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        writer.Settled -= Tell;
        return Task.CompletedTask;
    }

    private void Tell(IReadOnlyList<Settlement> settled)
    {
        foreach (var own in settled.GroupBy(one => one.UserId)) _ = Tell(own.Key, [.. own.Select(one => one.TaskId)]);
    }

    private async Task Tell(string userId, IReadOnlyList<string> taskIds)
    {
        try
        {
            await grains.GetGrain<IAccountLoadGrain>(userId).Free(taskIds);
        }
        catch (Exception away)
        {
            LogNotTold(logger, userId, taskIds.Count, away.Message);
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "Account {UserId} was not told that {Count} of its tasks are settled: {Error}")]
    private static partial void LogNotTold(ILogger logger, string userId, int count, string error);
}
