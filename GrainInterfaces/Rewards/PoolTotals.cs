namespace HiveMind.Rewards;

public sealed record PoolTotals(long Completed, double MeanSeconds);
