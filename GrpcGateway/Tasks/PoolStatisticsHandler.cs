using Grpc.Core;
using HiveMind.Nodes;
using HiveMind.Scheduling;
using HiveMind.Storage;
using Wire = HiveMind.Protos;

namespace HiveMind.Tasks;

/// <summary>The pool's figures of now and of the last day.</summary>
internal sealed class PoolStatisticsHandler(
    IGrainFactory grains, IPoolDatabase database, IUnfinishedIndex unfinished, ISettlements settlements, NodeDirectory nodes, TimeProvider time, Uptime uptime)
{
    public async Task<Wire.GetSystemStatsResponse> Show(ServerCallContext context)
    {
        var now = time.GetUtcNow();
        var counts = await grains.GetGrain<ISchedulerGrain>(Shards.Default).GetCounts();
        var totals = await database.PoolTotals(now.AddHours(-24), context.CancellationToken);
        return new Wire.GetSystemStatsResponse
        {
            Success = true,
            ActiveNodes = (await nodes.Recent(context.CancellationToken)).Count(n => n.Status is "online" or "busy"),
            PendingTasks = counts.Pending,
            RunningTasks = counts.Running(await unfinished.Count(), settlements.Open),
            CompletedTasks24H = totals.Completed,
            AverageTaskDuration = totals.MeanSeconds,
            SystemUptime = uptime.Now.TotalSeconds,
        };
    }
}
