namespace HiveMind.Rewards;

public sealed record NodeTotals(long Completed, long Failed, double MeanSeconds, long EarnedMicros);
