using Orleans.Concurrency;

namespace HiveMind.Scheduling;

[GenerateSerializer, Alias("HiveMind.SchedulerCounts"), Immutable]
public sealed record SchedulerCounts([property: Id(0)] int Pending, [property: Id(1)] int Nodes)
{
    /// <summary>
    /// How many run or are on their way to a node. What has ended stays in the index until it is in the database: while that is away it is neither waiting nor
    /// running. The numbers are not of one moment.
    /// </summary>
    /// <param name="unfinished">All that the index has.</param>
    /// <param name="settling">What has ended and is not in the database yet.</param>
    public long Running(long unfinished, long settling) => Math.Max(0, unfinished - Pending - settling);
}
